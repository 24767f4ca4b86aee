/** An answer in WeChat Pay's own words. */
export class PayRefusal extends Error {
  override readonly name = 'PayRefusal'
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}
