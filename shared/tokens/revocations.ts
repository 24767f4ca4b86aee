import { systemClock } from '#shared/clock.ts'
import { Fault } from '#shared/errors.ts'
import { userTag } from '#shared/state/key-text.ts'
import type { StateStore } from '#shared/state/store.ts'
import { causesOf } from '#shared/telemetry/causes.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import { createRareLog } from '#shared/telemetry/rare-log.ts'
import { ACCESS_TOKEN_LIFE_S, CLOCK_TOLERANCE_S, type AccessClaims } from './access-tokens.ts'

/**
 * The fast copy of which sessions have ended. Two keys, in one slot of a cluster: the user's epoch after a kill of all
 * sessions, and each session's verdict. An absent verdict means "ask the database", so losing the store lets nobody
 * in; a `live` verdict is remembered for a minute, which bounds how long an end stays unseen that was written while
 * the store was down.
 */
export interface Revocations {
  /** `live` or `ended` where the store knows, else `unknown`, also when the store is down. */
  verdict(claims: AccessClaims, signal: AbortSignal): Promise<Verdict>
  /** The keys whose values `judge` needs, for a caller that reads them along with something else. */
  keys(claims: SessionKey): readonly string[]
  /** The verdict from the values of `keys`; `unknown` where they could not be read. */
  judge(claims: AccessClaims, values: readonly (string | undefined)[] | undefined): Verdict
  /** Remembers that the database called the session live. Never overwrites an end that came in between. */
  rememberLive(claims: SessionKey, signal: AbortSignal): Promise<void>
  /** Makes every instance refuse the session's tokens from now on. Call after the database has committed. */
  endSession(key: SessionKey, signal: AbortSignal): Promise<void>
  /** Makes every instance refuse the user's tokens of an earlier epoch. Call after the database has committed. */
  endUser(user: { readonly userId: string; readonly epoch: number }, signal: AbortSignal): Promise<void>
}

export type Verdict = 'live' | 'ended' | 'unknown'

export interface SessionKey {
  readonly userId: string
  readonly sessionId: string
}

const LIVE_MS = 60_000
/** As long as any token issued before the end can still be in its life. */
const ENDED_MS = (ACCESS_TOKEN_LIFE_S + CLOCK_TOLERANCE_S + 10) * 1000

export function createRevocations(state: StateStore, logger: Logger): Revocations {
  const degraded = createRareLog({ logger, clock: systemClock }, 'revocations.degraded')

  async function verdict(claims: AccessClaims, signal: AbortSignal): Promise<Verdict> {
    return judge(claims, await state.getMany(keys(claims), signal).catch(tolerate))
  }

  function keys(key: SessionKey): readonly string[] {
    return [epochKey(key.userId), sessionKey(key)]
  }

  function judge(claims: AccessClaims, values: readonly (string | undefined)[] = []): Verdict {
    const [epoch, session] = values
    if (session === 'ended' || (epoch !== undefined && Number(epoch) > claims.epoch)) return 'ended'
    return session === 'live' ? 'live' : 'unknown'
  }

  async function rememberLive(key: SessionKey, signal: AbortSignal): Promise<void> {
    await state.set(sessionKey(key), 'live', { ttlMs: LIVE_MS, ifAbsent: true }, signal).catch(tolerate)
  }

  async function endSession(key: SessionKey, signal: AbortSignal): Promise<void> {
    await state.set(sessionKey(key), 'ended', { ttlMs: ENDED_MS }, signal).catch(tolerate)
  }

  async function endUser(
    { userId, epoch }: { userId: string; epoch: number },
    signal: AbortSignal,
  ): Promise<void> {
    await state.set(epochKey(userId), String(epoch), { ttlMs: ENDED_MS }, signal).catch(tolerate)
  }

  /** The database decides when the store is down. */
  function tolerate(error: unknown): undefined {
    if (!(error instanceof Fault)) throw error
    degraded({ causes: causesOf(error) })
  }

  return { verdict, keys, judge, rememberLive, endSession, endUser }
}

function epochKey(userId: string): string {
  return `${userTag(userId)}:ep`
}

function sessionKey({ userId, sessionId }: SessionKey): string {
  return `${userTag(userId)}:s:${sessionId}`
}
