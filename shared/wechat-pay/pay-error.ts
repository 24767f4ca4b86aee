/** What WeChat Pay said instead of doing what it was asked. */
export class PayError extends Error {
  override readonly name = 'PayError'
  readonly status: number
  /** Its own code, as `ORDER_NOT_EXIST`. */
  readonly code: string

  constructor(target: string, { status, code, requestId }: PayFailure) {
    super(`WeChat Pay answered ${status} ${code} to ${target} (Request-ID ${requestId})`)
    this.status = status
    this.code = code
  }
}

export interface PayFailure {
  readonly status: number
  readonly code: string
  /** What its support asks for. */
  readonly requestId: string
}
