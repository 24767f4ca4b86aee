/** Why an outbound call gave no usable answer. Carries names only: runtimes put whole URLs, queries included, in theirs. */
export class CallError extends Error {
  override readonly name = 'CallError'
  /** `never`: nothing reached the other side, so even a one-time call may be made again. */
  readonly sent: 'never' | 'maybe'
  /** The runtime's error code, an HTTP status, or what was wrong with the answer. */
  readonly code: string

  constructor(target: string, code: string, sent: 'never' | 'maybe') {
    super(`Cannot call ${target}: ${code}`)
    this.sent = sent
    this.code = code
  }
}

/** The code where the caller's own deadline passed, which says nothing of the other side. */
export const OUT_OF_TIME = 'out of time'

/** Whether the failure, or the cause beneath it, proves that the request never left. */
export function neverSent(error: unknown): boolean {
  if (error instanceof CallError) return error.sent === 'never'
  return error instanceof Error && error.cause !== undefined && neverSent(error.cause)
}
