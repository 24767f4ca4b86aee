import { createHash } from 'node:crypto'
import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { deleteExpiredNonces, insertNonceOnce } from '#shared/db/tables/nonces.ts'
import { Fault } from '#shared/errors.ts'
import type { StateStore } from '#shared/state/store.ts'
import { causesOf } from '#shared/telemetry/causes.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import { createRareLog } from '#shared/telemetry/rare-log.ts'
import { MAX_SKEW_S } from './clock-skew.ts'

export interface NonceUse {
  /** Who signed: the session's id or a partner's key id. */
  readonly owner: string
  readonly nonce: string
  /**
   * What a repetition could do. `write`: what must not happen, so the database decides, whatever becomes of the state
   * store. `partner-write`: the state store decides, and the database while that is down. `read`: the state store decides;
   * while it is down clock and MAC have to do.
   */
  readonly call: 'write' | 'partner-write' | 'read'
  /** Names the request to its platform. A read that the platform itself sends again, to another instance, keeps it. */
  readonly requestId?: string | undefined
}

export interface Nonces {
  /** Whether it is used for the first time. @throws Fault `unavailable` when what decides is down */
  use(use: NonceUse, signal: AbortSignal): Promise<boolean>
}

export interface NoncesOptions {
  readonly state: StateStore
  readonly database: Database
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * How long a nonce is remembered. A request signed `MAX_SKEW_S` in the future passes for twice that; a minute more
 * keeps instances whose clocks differ, and the second that `ts` is rounded to, from opening a gap at the end.
 */
const KEPT_MS = 2 * MAX_SKEW_S * 1_000 + 60_000
const SWEEP_EVERY_MS = 60_000
const SWEEP_MS = 1_000

export function createNonces({ state, database, clock, logger }: NoncesOptions): Nonces {
  let sweptAt = -Infinity // so that instances that don't live long sweep, too
  const degraded = createRareLog({ logger, clock }, 'signing.degraded')

  async function use(nonceUse: NonceUse, signal: AbortSignal): Promise<boolean> {
    const { owner, nonce, call } = nonceUse
    const inState = await useInState(nonceUse, signal)
    if (inState === 'used') return false
    if (call === 'write' || (call === 'partner-write' && inState === 'down')) {
      return useInDatabase(owner, nonce, signal)
    }
    return true
  }

  async function useInState({ owner, nonce, call, requestId = '' }: NonceUse, signal: AbortSignal) {
    const key = `sig:{${owner}}:${nonce}`
    try {
      if (await state.set(key, requestId, { ttlMs: KEPT_MS, ifAbsent: true }, signal)) return 'fresh'
      // FC sends a GET again when the process that had it died.
      const isRepeated = call === 'read' && requestId !== '' && (await state.get(key, signal)) === requestId
      return isRepeated ? 'fresh' : 'used'
    } catch (error) {
      if (!(error instanceof Fault && error.error === 'unavailable')) throw error
      degraded({ call, causes: causesOf(error) })
      return 'down'
    }
  }

  async function useInDatabase(owner: string, nonce: string, signal: AbortSignal): Promise<boolean> {
    const id = createHash('sha256').update(`${owner}\n${nonce}`).digest('hex')
    const row = { id, expires_at: new Date(clock() + KEPT_MS) }
    const isFirst = await insertNonceOnce(database, row, signal)
    await sweep()
    return isFirst
  }

  async function sweep(): Promise<void> {
    const now = clock()
    if (now - sweptAt < SWEEP_EVERY_MS) return
    sweptAt = now
    // Rows that stay refuse nothing that a clock lets pass; the next sweep takes them.
    await deleteExpiredNonces(await database.sql(), new Date(now), AbortSignal.timeout(SWEEP_MS)).catch(
      () => {},
    )
  }

  return { use }
}
