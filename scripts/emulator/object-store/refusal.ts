/** What the stores refuse, with the status and the words of their documentation. */
const REFUSALS = {
  AccessDenied: [403, 'Access Denied'],
  EntityTooLarge: [400, 'Your proposed upload exceeds the maximum allowed size'],
  EntityTooSmall: [400, 'Your proposed upload is smaller than the minimum allowed size'],
  IncompleteBody: [400, 'The body is shorter than its Content-Length'],
  InternalError: [500, 'We encountered an internal error. Please try again.'],
  InvalidAccessKeyId: [403, 'The access key id does not exist in our records'],
  InvalidArgument: [400, 'Invalid argument'],
  InvalidPart: [400, 'One or more of the specified parts could not be found, or its ETag differs'],
  InvalidPartOrder: [400, 'The list of parts was not in ascending order'],
  InvalidRange: [416, 'The requested range is not satisfiable'],
  InvalidURI: [400, 'The specified URI cannot be parsed'],
  MalformedPOSTRequest: [400, 'The body of your POST request is not well-formed multipart/form-data'],
  MalformedXML: [400, 'The XML you provided was not well-formed'],
  MethodNotAllowed: [405, 'The specified method is not allowed against this resource'],
  NoSuchBucket: [404, 'The specified bucket does not exist'],
  NoSuchKey: [404, 'The specified key does not exist'],
  NoSuchUpload: [404, 'The specified upload does not exist'],
  NotImplemented: [501, 'The local store does not do this'],
  PreconditionFailed: [412, 'At least one of the preconditions did not hold'],
  RequestTimeTooSkewed: [403, 'The difference between the request time and the server time is too large'],
  SignatureDoesNotMatch: [403, 'The signature we calculated does not match the one you provided'],
  XAmzContentSHA256Mismatch: [400, 'The provided content SHA-256 does not match what was received'],
} as const satisfies Record<string, readonly [status: number, message: string]>

export type RefusalCode = keyof typeof REFUSALS

/** Ends a request with one of the stores' errors. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: RefusalCode
  readonly status: number

  constructor(code: RefusalCode, message: string = REFUSALS[code][1]) {
    super(message)
    this.code = code
    this.status = REFUSALS[code][0]
  }
}
