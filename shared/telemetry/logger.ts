import { type Clock, systemClock } from '#shared/clock.ts'
import { redact } from './redact.ts'

const LEVELS = ['debug', 'info', 'warn', 'error'] as const

export type LogLevel = (typeof LEVELS)[number]
export type LogFields = Readonly<Record<string, unknown>>

/** Writes one JSON line an event. `event` is a dotted constant; what varies goes into `fields`. */
export interface Logger {
  debug(event: string, fields?: LogFields): void
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  error(event: string, fields?: LogFields): void
  /** A logger that adds `fields` to every line. */
  with(fields: LogFields): Logger
}

export interface LoggerOptions {
  readonly level?: LogLevel
  readonly fields?: LogFields
  readonly clock?: Clock
  readonly write?: (line: string) => void
}

export const LOG_LEVELS: readonly LogLevel[] = LEVELS

export function createLogger({
  level = 'info',
  fields = {},
  clock = systemClock,
  write = (line) => void process.stdout.write(line),
}: LoggerOptions = {}): Logger {
  const threshold = LEVELS.indexOf(level)

  function log(at: LogLevel, event: string, more: LogFields = {}): void {
    if (LEVELS.indexOf(at) < threshold) return
    const record = { time: new Date(clock()).toISOString(), level: at, event, ...fields, ...more }
    write(`${JSON.stringify(redact(record))}\n`)
  }

  return {
    debug: (event, more) => log('debug', event, more),
    info: (event, more) => log('info', event, more),
    warn: (event, more) => log('warn', event, more),
    error: (event, more) => log('error', event, more),
    with: (more) => createLogger({ level, fields: { ...fields, ...more }, clock, write }),
  }
}
