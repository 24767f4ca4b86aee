/**
 * Every error a client can meet: stable name → code (HTTP status × 100 + n) and public message in Chinese and
 * English. The HTTP contract lists the same table; nothing else in the code names a status for a failure.
 */
const ERRORS = {
  bad_request: [40000, '请求格式不正确', 'The request is malformed'],
  invalid_json: [40001, '请求体不是合法的 JSON', 'The body is not valid JSON'],
  validation_failed: [40002, '请求参数不符合要求', 'The request does not match the schema'],
  unauthenticated: [40100, '请先登录', 'Sign in first'],
  token_expired: [
    40101,
    '登录已过期，请刷新或重新登录',
    'The token has expired; refresh it or sign in again',
  ],
  token_revoked: [40102, '登录已失效，请重新登录', 'The session has ended; sign in again'],
  login_code_invalid: [
    40103,
    '登录凭证无效或已使用，请重新登录',
    'The login code is invalid or already used; get a new one',
  ],
  forbidden: [40300, '没有权限', 'Not allowed'],
  signature_invalid: [40301, '签名不正确', 'The signature is wrong'],
  request_replayed: [40302, '请求已被处理过', 'The request was already used'],
  clock_skew: [40303, '客户端时间与服务器相差过大', 'The client clock is too far from the server'],
  risk_denied: [40304, '操作存在风险，已被拒绝', 'Refused by a risk rule'],
  not_found: [40400, '不存在', 'Not found'],
  method_not_allowed: [40500, '不支持该请求方法', 'The method is not allowed here'],
  conflict: [40900, '与当前状态冲突，请稍后重试', 'The request conflicts with the current state'],
  idempotency_mismatch: [40901, '幂等键已用于另一个请求', 'The idempotency key was used for another request'],
  refused_by_provider: [40902, '支付方拒绝了该操作', 'The payment provider refused this'],
  precondition_failed: [
    41200,
    '文件与请求的前提条件不符',
    'The file does not meet a precondition of the request',
  ],
  payload_too_large: [41300, '请求过大', 'The request is too large'],
  quota_exceeded: [41301, '存储空间已用完', 'The storage quota is used up'],
  unsupported_media_type: [41500, '不支持的内容类型', 'The content type is not supported'],
  range_not_satisfiable: [41600, '请求的范围无效', 'The range is not satisfiable'],
  rate_limited: [42900, '请求过于频繁，请稍后再试', 'Too many requests; try again later'],
  internal: [50000, '服务器内部错误', 'Internal error'],
  upstream_failed: [50200, '上游服务出错，请稍后再试', 'An upstream service failed; try again later'],
  unavailable: [50300, '服务暂不可用，请稍后再试', 'The service is unavailable; try again later'],
  upstream_timeout: [50400, '上游服务超时，请稍后再试', 'An upstream service timed out; try again later'],
} as const satisfies Record<string, readonly [code: number, zh: string, en: string]>

export type ErrorName = keyof typeof ERRORS
export type Language = 'zh' | 'en'

export const ERROR_NAMES = Object.keys(ERRORS) as readonly ErrorName[] // keys of the literal above

export function errorCode(error: ErrorName): number {
  return ERRORS[error][0]
}

export function errorStatus(error: ErrorName): number {
  return Math.floor(ERRORS[error][0] / 100)
}

export function errorMessage(error: ErrorName, language: Language): string {
  return ERRORS[error][language === 'zh' ? 1 : 2]
}

export interface FaultOptions {
  /** Facts for the client, one object each; never a secret, SQL, a path or a stack. */
  readonly details?: readonly Readonly<Record<string, unknown>>[]
  /** What went wrong underneath; logged, never sent. */
  readonly cause?: unknown
  /** Whole seconds for the `Retry-After` header. */
  readonly retryAfterS?: number
  /** Further response headers, such as `Allow`. */
  readonly headers?: Readonly<Record<string, string>>
}

/** A failure a client can meet. Our own mistakes are `TypeError` and `RangeError` and come out as `internal`. */
export class Fault extends Error {
  override readonly name = 'Fault'
  readonly error: ErrorName
  readonly details: readonly Readonly<Record<string, unknown>>[]
  readonly retryAfterS: number | undefined
  readonly headers: Readonly<Record<string, string>>

  constructor(error: ErrorName, { details = [], cause, retryAfterS, headers = {} }: FaultOptions = {}) {
    super(error, cause === undefined ? undefined : { cause })
    this.error = error
    this.details = details
    this.retryAfterS = retryAfterS ?? (error === 'unavailable' ? 1 : undefined)
    this.headers = headers
  }
}
