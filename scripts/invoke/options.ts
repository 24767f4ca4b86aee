import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Addresses } from '#scripts/dev/addresses.ts'
import { FUNCTIONS, type FunctionSpec } from '#scripts/functions.ts'
import { type InvokeCaller, readCaller, readScheme, type Scheme } from './caller-options.ts'
import { readUrl } from './read-url.ts'

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
  readonly scheme: Scheme
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

function readTimes({ times, replay }: Values): number {
  const count = Number(times)
  if (!/^\d+$/.test(times) || count < 1 || count > MAX_TIMES)
    throw new TypeError(`--times must be a whole number from 1 to ${MAX_TIMES}`)
  if (replay && count > 1) throw new TypeError('Choose one of --replay and --times')
  return count
}
