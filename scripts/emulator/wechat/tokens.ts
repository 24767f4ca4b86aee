import { randomBytes } from 'node:crypto'
import type { Clock } from '#shared/clock.ts'
import { Refusal } from './refusal.ts'

export interface TokenAnswer {
  readonly access_token: string
  readonly expires_in: number
}

/** The two kinds of access token, which live side by side and never end one another. */
export interface Tokens {
  /** `/cgi-bin/stable_token`: the same token while it is valid, with the time it has left. */
  stable(mode: 'normal' | 'force'): TokenAnswer
  /** `/cgi-bin/token`: another one at each call; the one before works 5 minutes more. */
  plain(): TokenAnswer
  /** @throws Refusal 41001, 40014, 40001, 42001 */
  check(token: string | null): void
  /** Ends every token at once, as an operator's reset of the secret does. */
  revokeAll(): void
  clear(): void
}

const LIFE_MS = 7_200_000
const OVERLAP_MS = 300_000
const FORCES_A_DAY = 20
const FORCE_PAUSE_MS = 30_000
const DAY_MS = 86_400_000
const SHAPE = /^[\w-]{100,512}$/

export function createTokens(clock: Clock): Tokens {
  const expiries = new Map<string, number>()
  const current: { stable?: string; plain?: string } = {}
  let forcedAt: readonly number[] = []

  function issue(kind: 'stable' | 'plain'): TokenAnswer {
    const token = `94_${randomBytes(99).toString('base64url')}`
    expiries.set(token, clock() + LIFE_MS)
    current[kind] = token
    return answer(token)
  }

  function answer(token: string): TokenAnswer {
    return { access_token: token, expires_in: Math.floor((expiryOf(token) - clock()) / 1_000) }
  }

  function expiryOf(token: string | undefined): number {
    return expiries.get(token ?? '') ?? 0
  }

  function stable(mode: 'normal' | 'force'): TokenAnswer {
    const token = current.stable
    if (mode === 'force') {
      countForce()
      if (token !== undefined) expiries.delete(token)
      return issue('stable')
    }
    // WeChat renews it in its last 5 minutes, in which both work.
    return token !== undefined && expiryOf(token) - clock() > OVERLAP_MS ? answer(token) : issue('stable')
  }

  function countForce(): void {
    const now = clock()
    forcedAt = forcedAt.filter((at) => Math.floor(at / DAY_MS) === Math.floor(now / DAY_MS))
    if (forcedAt.length >= FORCES_A_DAY) throw new Refusal(45009)
    if (now - (forcedAt.at(-1) ?? Number.NEGATIVE_INFINITY) < FORCE_PAUSE_MS) throw new Refusal(45011)
    forcedAt = [...forcedAt, now]
  }

  function plain(): TokenAnswer {
    const before = current.plain
    if (before !== undefined) expiries.set(before, Math.min(expiryOf(before), clock() + OVERLAP_MS))
    return issue('plain')
  }

  function check(token: string | null): void {
    if (token === null || token === '') throw new Refusal(41001)
    if (!SHAPE.test(token)) throw new Refusal(40014)
    const expiresAt = expiries.get(token)
    if (expiresAt === undefined) throw new Refusal(40001)
    if (expiresAt <= clock()) throw new Refusal(42001)
  }

  function revokeAll(): void {
    expiries.clear()
    delete current.stable
    delete current.plain
  }

  function clear(): void {
    revokeAll()
    forcedAt = []
  }

  return { stable, plain, check, revokeAll, clear }
}
