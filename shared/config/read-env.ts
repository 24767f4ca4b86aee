import { secret, type Secret } from '#shared/secret.ts'

/** Names and values of the process environment. */
export type Env = Readonly<Record<string, string | undefined>>

/** Readers of single settings. Each notes its problem and lets the rest be read, so that one error lists them all. */
export interface Read {
  text(name: string, fallback?: string): string
  oneOf<const T extends string>(name: string, values: readonly T[], fallback: T): T
  integer(
    name: string,
    limits: { readonly min: number; readonly max: number; readonly fallback: number },
  ): number
  list(name: string): readonly string[]
  url(name: string, options: { readonly schemes: readonly string[]; readonly fallback?: string }): URL
  /** The setting turned by `parse`, whose `TypeError` message says what is wrong without the value. */
  parsed<T>(name: string, parse: (text: string) => T): T
  /** At least 32 bytes unless given: some vendors' own secrets are shorter. */
  secret(name: string, options?: { readonly minBytes: number }): Secret
  /** What `name` turns on, with the settings that mean nothing without it: one of those alone is a problem. */
  optional<T>(name: string, read: (read: Read) => T, belonging?: readonly string[]): T | undefined
}

const MIN_SECRET_BYTES = 32
const WEAK = /^(change.?me|secret|password|default|example|test|dev|todo|x+|0+|1234.*)$|your[-_ ]|example/i

/**
 * Reads a function's settings.
 *
 * @throws TypeError "Cannot read configuration: …" that lists every problem at once, by name, never by value.
 */
export function readEnv<T>(env: Env, read: (read: Read) => T): T {
  const problems: string[] = []
  const result = read(reader(env, problems))
  if (problems.length > 0) {
    throw new TypeError(
      `Cannot read configuration:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    )
  }
  return result
}

function reader(env: Env, problems: string[]): Read {
  function fetch(name: string): string | undefined {
    const value = env[name]?.trim()
    return value === '' ? undefined : value
  }

  /** Once, however often it is met: several parts of a function may read the same setting. */
  function note(name: string, problem: string): void {
    const line = `${name} ${problem}`
    if (!problems.includes(line)) problems.push(line)
  }

  function get<T>(name: string, fallback: T | undefined, parse: (text: string) => T): T {
    const text = fetch(name)
    if (text === undefined && fallback !== undefined) return fallback
    try {
      if (text === undefined) throw new TypeError('is missing')
      return parse(text)
    } catch (error) {
      note(name, error instanceof TypeError ? error.message : 'cannot be read')
      // Never seen by a caller: a noted problem makes readEnv throw.
      return undefined as T
    }
  }

  const read: Read = {
    text: (name, fallback) => get(name, fallback, (text) => text),
    oneOf: (name, values, fallback) => get(name, fallback, (text) => member(text, values)),
    integer: (name, { min, max, fallback }) => get(name, fallback, (text) => integer(text, min, max)),
    list: (name) => (fetch(name) ?? '').split(',').flatMap((part) => part.trim() || []),
    url: (name, { schemes, fallback }) =>
      get(name, fallback === undefined ? undefined : new URL(fallback), (text) => url(text, schemes)),
    parsed: (name, parse) => get(name, undefined, parse),
    secret: (name, { minBytes } = { minBytes: MIN_SECRET_BYTES }) =>
      get(name, undefined, (text) => strongSecret(text, minBytes)),
    optional(name, next, belonging = []) {
      if (fetch(name) !== undefined) return next(read)
      for (const other of belonging)
        if (fetch(other) !== undefined) note(other, `is set, but nothing uses it without ${name}`)
      return undefined
    },
  }
  return read
}

function member<const T extends string>(text: string, values: readonly T[]): T {
  const found = values.find((value) => value === text)
  if (found === undefined) throw new TypeError(`must be one of ${values.join(', ')}`)
  return found
}

function integer(text: string, min: number, max: number): number {
  const value = Number(text)
  if (!/^-?\d+$/.test(text) || value < min || value > max) {
    throw new TypeError(`must be a whole number from ${min} to ${max}`)
  }
  return value
}

function url(text: string, schemes: readonly string[]): URL {
  const parsed = URL.canParse(text) ? new URL(text) : undefined
  if (parsed === undefined || !schemes.includes(parsed.protocol.slice(0, -1))) {
    throw new TypeError(
      `must be a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`,
    )
  }
  return parsed
}

function strongSecret(text: string, minBytes: number): Secret {
  if (WEAK.test(text)) throw new TypeError('is a default or example value')
  if (Buffer.byteLength(text) < minBytes) throw new TypeError(`is shorter than ${minBytes} bytes`)
  return secret(text)
}
