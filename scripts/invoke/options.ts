import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Addresses } from '#scripts/dev/addresses.ts'
import { FUNCTIONS, type FunctionSpec } from '#scripts/functions.ts'

export const HELP = `Usage: npm run invoke -- <function> <path> [options]
       npm run invoke -- <function> --timer
       npm run invoke -- fire <thing>      has something happen outside, as a payment; fire --help lists what
       npm run invoke -- shop              what the local cloud's shop was told
       npm run invoke -- fire <thing> [options]   (npm run invoke -- fire --help)

Calls a function of the local cloud. <path> is what stands below /api/v1, such as /user or "/users?limit=2".

  -X, --method <method>    GET, or POST with --data
  -d, --data <json>|@file  the body; sent as application/json
  -H, --header <name: value>   a further header, as often as needed
  -i, --include            show the answer's headers
      --url <url>          where the API is                        (of the local cloud that runs, else http://127.0.0.1:9000)
      --timer              fire the function's timer now, and show what came of it
      --data-folder <dir>  the local cloud's --data, with its secrets and these sessions   (.dev)

Who calls
      --login <name>       sign in as dev-<name>; the session is kept in .dev/sessions.json and refreshed
      --token <token>      an access token of your own
      --as-partner <kid>   a partner with its key of PARTNER_KEYS (environment, or .dev/secrets.env);
                           the partner's name alone takes its first key
      --sign               sign the request with the session's key (partners always sign)
      --user-key           with --login: sign in anew, and sign with WeChat's own user key in the session's place
      --wechat-url <url>   where the WeChat stand-in is, which --user-key asks   (that of the local cloud)
      --webhook            with --as-partner: sign as Standard Webhooks do

What to see
      --show               the text that is signed
      --replay             send the very same signed request again, and show both answers
      --times <n>          n calls, one line each: status and limits
      --no-fail            exit with 0 whatever the status is

The body goes to standard output, everything else to standard error, so that a pipe gets the JSON alone. The exit code
is 0, 1 when the (first) answer's status is 400 or above, 2 when there was no answer.`

export interface InvokeOptions {
  readonly url: string
  /** Where the local cloud keeps its data, relative to the project. */
  readonly folder: string
  /** Path and query, base path included. */
  readonly target: string
  readonly method: string
  readonly body: Buffer | undefined
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly caller: InvokeCaller
  readonly scheme: 'none' | 'signature' | 'webhook'
  readonly include: boolean
  readonly show: boolean
  readonly replay: boolean
  readonly times: number
  readonly noFail: boolean
}

/** To fire a function's timer, in place of a request. */
export interface TimerOptions {
  readonly timerOf: string
  readonly url: string
  readonly noFail: boolean
}

export type InvokeCaller =
  | { readonly kind: 'nobody' }
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'login'; readonly name: string }
  | { readonly kind: 'user-key'; readonly name: string; readonly wechatUrl: string }
  | { readonly kind: 'partner'; readonly kid: string }

const MAX_TIMES = 10_000
const DEFAULT_URL = 'http://127.0.0.1:9000'

/** The command line's options; `help` when they were asked for. @throws TypeError that says what is wrong */
export function readOptions(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  runningOn: (folder: string) => Addresses | undefined = () => undefined,
): InvokeOptions | TimerOptions | 'help' {
  const { values, positionals } = parse(args)
  if (values.help || args.length === 0) return 'help'
  const [name, path, ...rest] = positionals
  if (values.timer) return readTimer(values, positionals, runningOn(values['data-folder']))
  if (name === undefined || path === undefined || rest.length > 0)
    throw new TypeError('Say which function and which path: npm run invoke -- user /user. See --help')
  const body = values.data === undefined ? undefined : readData(values.data, env)
  const running = runningOn(values['data-folder'])
  const caller = readCaller(values, values['wechat-url'] ?? running?.wechatUrl)
  return {
    url: readUrl('--url', values.url ?? running?.api ?? DEFAULT_URL),
    folder: values['data-folder'],
    target: readTarget(name, path),
    method: (values.method ?? (body === undefined ? 'GET' : 'POST')).toUpperCase(),
    body,
    headers: values.header.map(readHeader),
    caller,
    scheme: readScheme(values, caller),
    include: values.include,
    show: values.show,
    replay: values.replay,
    times: readTimes(values),
    noFail: values['no-fail'],
  }
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      method: { type: 'string', short: 'X' },
      data: { type: 'string', short: 'd' },
      header: { type: 'string', short: 'H', multiple: true, default: [] },
      include: { type: 'boolean', short: 'i', default: false },
      url: { type: 'string' },
      'data-folder': { type: 'string', default: '.dev' },
      login: { type: 'string' },
      token: { type: 'string' },
      'as-partner': { type: 'string' },
      sign: { type: 'boolean', default: false },
      'user-key': { type: 'boolean', default: false },
      'wechat-url': { type: 'string' },
      webhook: { type: 'boolean', default: false },
      show: { type: 'boolean', default: false },
      replay: { type: 'boolean', default: false },
      times: { type: 'string', default: '1' },
      'no-fail': { type: 'boolean', default: false },
      timer: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
}

type Values = ReturnType<typeof parse>['values']

function readTimer(values: Values, names: readonly string[], running: Addresses | undefined): TimerOptions {
  const [name, ...rest] = names
  if (name === undefined || rest.length > 0)
    throw new TypeError('Say whose timer, and no path: npm run invoke -- reconcile --timer')
  return {
    timerOf: readFunction(name).name,
    url: readUrl('--url', values.url ?? running?.api ?? DEFAULT_URL),
    noFail: values['no-fail'],
  }
}

function readFunction(name: string): FunctionSpec {
  const known = FUNCTIONS.find((spec) => spec.name === name)
  if (known !== undefined) return known
  throw new TypeError(`There is no function ${name}, only ${FUNCTIONS.map((spec) => spec.name).join(', ')}`)
}

function readUrl(option: string, text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new TypeError(`${option} must look like http://127.0.0.1:9000`)
  return new URL(text).origin
}

function readTarget(name: string, path: string): string {
  const known = readFunction(name)
  if (known.paths.length === 0)
    throw new TypeError(
      `${name} takes no requests, only its timer's event: npm run invoke -- ${name} --timer`,
    )
  const target = path.startsWith('/api/v1/') ? path : `/api/v1/${path.replace(/^\//, '')}`
  const [pathname = ''] = target.slice('/api/v1'.length).split('?')
  if (!known.paths.some((own) => pathname === own || pathname.startsWith(`${own}/`)))
    throw new TypeError(`${path} is not a path of ${name}, whose paths begin with ${known.paths.join(', ')}`)
  return target
}

function readData(text: string, env: NodeJS.ProcessEnv): Buffer {
  if (!text.startsWith('@')) return Buffer.from(text)
  // npm changes to the project's folder; the person stands elsewhere.
  return readFileSync(resolve(env['INIT_CWD'] ?? '.', text.slice(1)))
}

function readHeader(text: string): readonly [string, string] {
  const [, name, value] = /^([^\s:]+):\s*(.*)$/.exec(text) ?? []
  if (name === undefined || value === undefined)
    throw new TypeError(`--header must look like "name: value", not ${text}`)
  return [name, value]
}

function readCaller(values: Values, wechatUrl: string | undefined): InvokeCaller {
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

function readScheme(
  { sign, webhook, replay, show }: Values,
  { kind }: InvokeCaller,
): InvokeOptions['scheme'] {
  if (webhook && kind !== 'partner') throw new TypeError('--webhook needs --as-partner')
  if (kind === 'partner') return webhook ? 'webhook' : 'signature'
  if (kind === 'user-key') return 'signature'
  if (sign && kind !== 'login')
    throw new TypeError('--sign needs a key: add --login <name>, or use --as-partner <kid>')
  if (!sign && (replay || show)) throw new TypeError('--replay and --show need --sign')
  return sign ? 'signature' : 'none'
}

function readTimes({ times, replay }: Values): number {
  const count = Number(times)
  if (!/^\d+$/.test(times) || count < 1 || count > MAX_TIMES)
    throw new TypeError(`--times must be a whole number from 1 to ${MAX_TIMES}`)
  if (replay && count > 1) throw new TypeError('Choose one of --replay and --times')
  return count
}
