/** What WeChat Pay said instead of doing what it was asked. */
export class PayError extends Error {
  override readonly name = 'PayError'
  readonly status: number
  /** Its own code, as `ORDER_NOT_EXIST`. */
  readonly code: string

  constructor(target: string, { status, code, requestId, skewS }: PayFailure) {
    super(`WeChat Pay answered ${status} ${code} to ${target} (Request-ID ${requestId})${clockText(skewS)}`)
    this.status = status
    this.code = code
  }
}

export interface PayFailure {
  readonly status: number
  readonly code: string
  /** What its support asks for. */
  readonly requestId: string
  /** How far our clock is ahead of WeChat Pay's, where that is too far for signatures. */
  readonly skewS?: number | undefined
}

function clockText(skewS: number | undefined): string {
  if (skewS === undefined) return ''
  const where = skewS > 0 ? 'ahead of' : 'behind'
  return `: the clock of this machine is ${Math.abs(skewS)} s ${where} WeChat Pay's; set it right (NTP)`
}
