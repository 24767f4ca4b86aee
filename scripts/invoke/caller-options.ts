import { readUrl } from './read-url.ts'

/** Who calls. */
export type InvokeCaller =
  | { readonly kind: 'nobody' }
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'login'; readonly name: string }
  | { readonly kind: 'user-key'; readonly name: string; readonly wechatUrl: string }
  | { readonly kind: 'partner'; readonly kid: string }

/** How a request is signed. */
export type Scheme = 'none' | 'signature' | 'webhook'

/** What of the command line says who calls. */
export interface CallerValues {
  readonly login?: string | undefined
  readonly token?: string | undefined
  readonly 'as-partner'?: string | undefined
  readonly 'user-key': boolean
  readonly sign: boolean
  readonly webhook: boolean
  readonly replay: boolean
  readonly show: boolean
}

/** @throws TypeError that says what is wrong */
export function readCaller(values: CallerValues, wechatUrl: string | undefined): InvokeCaller {
  const { login, token, 'as-partner': kid } = values
  if ([login, token, kid].filter((given) => given !== undefined).length > 1)
    throw new TypeError('Choose one of --login, --token and --as-partner')
  const name = login?.replace(/^dev-/, '')
  if (values['user-key']) return readUserKeyCaller(name, wechatUrl)
  if (name !== undefined) return { kind: 'login', name }
  if (token !== undefined) return { kind: 'token', token }
  return kid === undefined ? { kind: 'nobody' } : { kind: 'partner', kid }
}

function readUserKeyCaller(name: string | undefined, wechatUrl: string | undefined): InvokeCaller {
  if (name === undefined) throw new TypeError("--user-key is a person's: add --login <name>")
  if (wechatUrl === undefined)
    throw new TypeError(
      '--user-key asks the WeChat stand-in: start the local cloud with npm start, or give --wechat-url',
    )
  return { kind: 'user-key', name, wechatUrl: readUrl('--wechat-url', wechatUrl) }
}

/** @throws TypeError that says what is wrong */
export function readScheme({ sign, webhook, replay, show }: CallerValues, { kind }: InvokeCaller): Scheme {
  if (webhook && kind !== 'partner') throw new TypeError('--webhook needs --as-partner')
  if (kind === 'partner') return webhook ? 'webhook' : 'signature'
  if (kind === 'user-key') return 'signature'
  if (sign && kind !== 'login')
    throw new TypeError('--sign needs a key: add --login <name>, or use --as-partner <kid>')
  if (!sign && (replay || show)) throw new TypeError('--replay and --show need --sign')
  return sign ? 'signature' : 'none'
}
