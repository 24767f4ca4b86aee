/** What WeChat answered instead of a result. Holds numbers and ids only, so that it may be logged as a cause. */
export class WechatError extends Error {
  override readonly name = 'WechatError'
  /** The path that was called. */
  readonly api: string
  readonly errcode: number
  /** WeChat's id of the request; `/cgi-bin/openapi/rid/get` explains it for 7 days. */
  readonly rid: string | undefined

  constructor(api: string, errcode: number, rid?: string) {
    super(`WeChat ${api} answered ${errcode}${rid === undefined ? '' : ` (rid ${rid})`}`)
    this.api = api
    this.errcode = errcode
    this.rid = rid
  }
}
