import { styleText } from 'node:util'

/** Fields that the short form shows elsewhere or a person does not look for. */
const LEFT_OUT = new Set([
  'time',
  'level',
  'event',
  'message',
  'problems',
  'function',
  'requestId',
  'clientIp',
])
/** What an access line says at its beginning. */
const ACCESS = new Set(['method', 'route', 'status', 'durationMs'])
/** Lines for the platform's console. */
const MARKER = /^FC (Invoke|Initialize|PreStop) (Start|End) RequestId: \S+$/
const COLOURS = { debug: 'gray', info: 'cyan', warn: 'yellow', error: 'red' } as const

/** A function's line for a person's eyes; undefined when it says nothing to them. */
export function renderLine(name: string, line: string): string | undefined {
  if (MARKER.test(line)) return undefined
  const record = parsed(line)
  return `${styleText('bold', name.padEnd(6))} ${record === undefined ? line : renderRecord(record)}`
}

function renderRecord(record: Readonly<Record<string, unknown>>): string {
  const level = isLevel(record['level']) ? record['level'] : 'info'
  const what =
    record['event'] === 'http.request' ? access(record) : styleText(COLOURS[level], String(record['event']))
  const said = typeof record['message'] === 'string' ? [record['message']] : []
  const isAccess = record['event'] === 'http.request'
  const rest = Object.entries(record).flatMap(([name, value]) =>
    LEFT_OUT.has(name) || (isAccess && ACCESS.has(name)) ? [] : [field(name, value)],
  )
  return [what, ...said, ...rest].join(' ') + problems(record)
}

function access({ method, route, status, durationMs }: Readonly<Record<string, unknown>>): string {
  const colour = Number(status) >= 500 ? 'red' : Number(status) >= 400 ? 'yellow' : 'green'
  return `${String(method)} ${typeof route === 'string' ? route : '(no route)'} ${styleText(colour, String(status))} ${String(durationMs)} ms`
}

/** What keeps a function from starting, one a line, and where to mend it. */
function problems({ problems: list }: Readonly<Record<string, unknown>>): string {
  if (!Array.isArray(list)) return ''
  const lines = list.map((problem) => `\n  - ${String(problem)}`).join('')
  return `${lines}\n  Settings come from the environment, then from .env. npm run keys makes secrets.`
}

/** An error goes onto lines of its own: its stack, and below it why, to the innermost cause. */
function field(name: string, value: unknown): string {
  const stack = typeof value === 'object' && value !== null && 'stack' in value ? value.stack : undefined
  if (typeof stack === 'string' && stack !== '')
    return `\n  ${stack.split('\n').map(printable).join('\n  ')}${causes(value)}`
  return styleText('gray', `${name}=${printable(typeof value === 'string' ? value : JSON.stringify(value))}`)
}

function causes(error: unknown): string {
  const cause = typeof error === 'object' && error !== null && 'cause' in error ? error.cause : undefined
  if (typeof cause !== 'object' || cause === null) return ''
  const said = 'message' in cause ? String(cause.message) : JSON.stringify(cause)
  return `\n  because: ${printable(said)}${causes(cause)}`
}

/** What others sent may hold lines and colours of their own: none of that reaches the terminal. */
function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what it is for
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (char) =>
    JSON.stringify(char)
      .slice(1, -1)
      .replace(/^[\u007f-\u009f]$/, '?'),
  )
}

function isLevel(value: unknown): value is keyof typeof COLOURS {
  return typeof value === 'string' && value in COLOURS
}

function parsed(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && 'event' in value ? { ...value } : undefined
  } catch {
    return undefined // a line that only looks like JSON
  }
}
