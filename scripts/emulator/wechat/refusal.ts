/** WeChat's errcodes that the stand-in gives, with the texts of the documentation. */
const ERRMSG = {
  [-1]: 'system error',
  40001: 'invalid credential, access_token is invalid or not latest',
  40002: 'invalid grant_type',
  40003: 'invalid openid',
  40013: 'invalid appid',
  40014: 'invalid access_token',
  40029: 'invalid code',
  40037: 'invalid template_id',
  40066: 'invalid url',
  40097: 'invalid args',
  40125: 'invalid appsecret',
  40129: 'invalid scene',
  40163: 'code been used',
  40226: 'code blocked',
  41001: 'access_token missing',
  41002: 'appid missing',
  41004: 'appsecret missing',
  41008: 'missing code',
  42001: 'access_token expired',
  43001: 'require GET method',
  43002: 'require POST method',
  43101: 'user refuse to accept the msg',
  43104: 'openid does not belong to this appid',
  44002: 'empty post data',
  45002: 'content size out of limit',
  45009: 'reach max api daily quota limit',
  45011: 'api minute-quota reach limit, must slower, retry next minute',
  47001: 'data format error',
  47003: 'argument invalid!',
  61010: 'user visit record is older than 2 hours',
  87007: 'session_key is not existed or expired',
  87008: 'invalid sig_method',
  87009: 'invalid signature',
} as const satisfies Record<number, string>

/** Ends a call with an errcode, as WeChat does: HTTP 200 and no result. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly errcode: number

  constructor(errcode: number) {
    super(errmsg(errcode))
    this.errcode = errcode
  }
}

export function errmsg(errcode: number): string {
  // A scripted failure may carry any number.
  return (ERRMSG as Readonly<Record<number, string>>)[errcode] ?? 'scripted failure'
}
