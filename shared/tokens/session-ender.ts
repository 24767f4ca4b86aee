import type { Clock } from '#shared/clock.ts'
import type { AfterCommit, Database, Queries } from '#shared/db/database.ts'
import { insertAudit } from '#shared/db/tables/audit.ts'
import { listLiveSessions, type Revocation, revokeSessions } from '#shared/db/tables/sessions.ts'
import { lockUser, raiseEpoch } from '#shared/db/tables/users.ts'
import { Fault } from '#shared/errors.ts'
import type { Revocations } from './revocations.ts'

export interface Ending {
  readonly userId: string
  readonly reason: Revocation['reason']
  /** Who asked for it; null for the system. */
  readonly actorId: string | null
  readonly ip: string
  readonly requestId: string
}

export interface SessionEnder {
  /** Ends one session of the user; false when it is not a live one of theirs. */
  endOne(sessionId: string, ending: Ending, signal: AbortSignal): Promise<boolean>
  /**
   * Ends all sessions of the user by raising their epoch, with `change` in the same transaction.
   *
   * @throws Fault `not_found` for an unknown user.
   */
  endAll(ending: Ending, change: (sql: Queries) => Promise<void>, signal: AbortSignal): Promise<void>
  /**
   * The same in a transaction of the caller's; what it resolves with has every instance know.
   *
   * @throws Fault `not_found` for an unknown user.
   */
  endAllWithin(sql: Queries, ending: Ending, signal: AbortSignal): Promise<AfterCommit>
}

export interface SessionEnderOptions {
  readonly database: Database
  readonly revocations: Revocations
  readonly clock: Clock
}

export function createSessionEnder({ database, revocations, clock }: SessionEnderOptions): SessionEnder {
  async function endOne(sessionId: string, ending: Ending, signal: AbortSignal): Promise<boolean> {
    const now = new Date(clock())
    const ended = await (await database.sql()).transaction().execute(async (sql) => {
      const live = await listLiveSessions(sql, { userId: ending.userId, now }, signal)
      if (!live.some((session) => session.id === sessionId)) return false
      await revokeSessions(sql, { ids: [sessionId], now, reason: ending.reason }, signal)
      await audit(sql, 'session.ended', ending, { sessionId }, now, signal)
      return true
    })
    if (ended) await revocations.endSession({ userId: ending.userId, sessionId }, signal)
    return ended
  }

  async function endAll(
    ending: Ending,
    change: (sql: Queries) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const tell = await (await database.sql()).transaction().execute(async (sql) => {
      const afterCommit = await endAllWithin(sql, ending, signal)
      await change(sql)
      return afterCommit
    })
    await tell(signal)
  }

  async function endAllWithin(sql: Queries, ending: Ending, signal: AbortSignal): Promise<AfterCommit> {
    const { userId, reason } = ending
    const now = new Date(clock())
    const user = await lockUser(sql, userId, signal)
    if (user === undefined) throw new Fault('not_found')
    const live = await listLiveSessions(sql, { userId, now }, signal)
    const ids = live.map((session) => session.id)
    await revokeSessions(sql, { ids, now, reason }, signal)
    await raiseEpoch(sql, userId, signal)
    await audit(sql, 'sessions.ended', ending, { sessions: ids.length }, now, signal)
    return (own) => revocations.endUser({ userId, epoch: user.epoch + 1 }, own)
  }

  return { endOne, endAll, endAllWithin }
}

async function audit(
  sql: Queries,
  action: string,
  { userId, reason, actorId, ip, requestId }: Ending,
  details: Readonly<Record<string, unknown>>,
  now: Date,
  signal: AbortSignal,
): Promise<void> {
  await insertAudit(
    sql,
    { action, actorId, subjectId: userId, ip, requestId, details: { reason, ...details } },
    now,
    signal,
  )
}
