import { randomBytes } from 'node:crypto'
import type { Clock } from '#shared/clock.ts'
import { Refusal } from './refusal.ts'

/** One-time codes for values of type `T`: a name for `wx.login`, a number for the phone button. */
export interface Codes<T> {
  mint(value: T): string
  /**
   * What `code` stands for, which uses it up. The one deliberate difference from the real server: a fixed code, as
   * `dev-alice`, works again and again, so that a curl line can be pasted twice. `dev-alice.7f3a` works once.
   *
   * @throws Refusal 40029 unknown or older than 5 minutes, 40163 used
   */
  redeem(code: string): T
  clear(): void
}

export interface CodesOptions<T> {
  readonly clock: Clock
  /** Matches a fixed code; its first group is what it stands for. */
  readonly fixed: RegExp
  readonly parse: (text: string) => T
}

export const CODE_LIFE_MS = 5 * 60_000
const ONE_TIME_SUFFIX = /^([^.]+)\.[\w.-]{1,64}$/

interface Minted<T> {
  readonly value: T
  readonly expiresAt: number
  used: boolean
}

export function createCodes<T>({ clock, fixed, parse }: CodesOptions<T>): Codes<T> {
  const minted = new Map<string, Minted<T>>()

  function remember(code: string, value: T): Minted<T> {
    const entry = { value, expiresAt: clock() + CODE_LIFE_MS, used: false }
    minted.set(code, entry)
    return entry
  }

  function mint(value: T): string {
    const code = `0${randomBytes(24).toString('base64url').replace(/[-_]/g, 'x').slice(0, 31)}`
    remember(code, value)
    return code
  }

  function redeem(code: string): T {
    const always = fixed.exec(code)?.[1]
    if (always !== undefined) return parse(always)
    const entry = minted.get(code) ?? fromSuffix(code)
    if (entry === undefined || entry.expiresAt <= clock()) throw new Refusal(40029)
    if (entry.used) throw new Refusal(40163)
    entry.used = true
    return entry.value
  }

  /** `dev-alice.7f3a` is minted by its first use, so it needs no call before. */
  function fromSuffix(code: string): Minted<T> | undefined {
    const value = fixed.exec(ONE_TIME_SUFFIX.exec(code)?.[1] ?? '')?.[1]
    return value === undefined ? undefined : remember(code, parse(value))
  }

  return { mint, redeem, clear: () => minted.clear() }
}
