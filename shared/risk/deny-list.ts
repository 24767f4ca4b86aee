import type { Clock } from '#shared/clock.ts'
import type { Database, Queries } from '#shared/db/database.ts'
import { isUniqueViolation } from '#shared/db/is-unique-violation.ts'
import { insertAudit } from '#shared/db/tables/audit.ts'
import {
  countDenied,
  type DenyListRow,
  denyListRevision,
  insertDenied,
  listDenied,
  removeDenied,
  sweepDenied,
} from '#shared/db/tables/deny-list.ts'
import { Fault } from '#shared/errors.ts'
import { isUuid, uuidv7 } from '#shared/ids.ts'
import type { StateStore } from '#shared/state/store.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import type { DeniedKind } from './denied.ts'
import { MAX_DENIED } from './load-published.ts'
import { plainIp, plainPrefix } from '#shared/ip-address.ts'
import { pointAnew } from './pointer.ts'
import type { Actor } from './versions.ts'

/** An entry of the deny list. */
export interface Denial {
  readonly kind: DeniedKind
  /** A user's id, an address, a network as 203.0.113.0/24 or 2001:db8::/64, or a device id. */
  readonly value: string
  readonly ttlS: number
  readonly reason: string
}

/** Who is turned away whatever the rules say; in force in every instance within five seconds. */
export interface DenyList {
  /** @throws Fault `validation_failed` for a value that nobody can have, `conflict` when the list is full */
  deny(denial: Denial, actor: Actor, signal: AbortSignal): Promise<DenyListRow>
  /** Live entries, newest first, older than the one with `beforeId`. */
  list(
    page: { readonly limit: number; readonly beforeId?: string | undefined },
    signal: AbortSignal,
  ): Promise<readonly DenyListRow[]>
  /** @throws Fault `not_found` */
  remove(id: string, actor: Actor, signal: AbortSignal): Promise<void>
}

export interface DenyListOptions {
  readonly database: Database
  readonly state: StateStore
  readonly clock: Clock
  readonly logger: Logger
}

/** Kind → the one form of a value, empty for what is none. */
const PLAIN: Readonly<Record<DeniedKind, (value: string) => string>> = {
  user: (value) => (isUuid(value) ? value : ''),
  ip: plainIp,
  prefix: plainPrefix,
  device: (value) => (value.length <= 64 ? value : ''),
}

/** Changes that came in between are waited for by trying again. */
const ATTEMPTS = 5

export function createDenyList({ database, state, clock, logger }: DenyListOptions): DenyList {
  /** Runs a change under the list's next revision, and lets every instance know. */
  async function change<T>(
    apply: (sql: Queries, next: { readonly revision: number; readonly now: Date }) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const result = await repeated(async () =>
      (await database.sql()).transaction().execute(async (sql) => {
        const revision = (await denyListRevision(sql, signal)) + 1
        return apply(sql, { revision, now: new Date(clock()) })
      }),
    )
    await pointAnew({ database, state, logger })
    return result
  }

  return {
    async deny(denial, { actorId, ip, requestId }, signal) {
      const value = PLAIN[denial.kind](denial.value)
      if (value === '')
        throw new Fault('validation_failed', {
          details: [{ path: 'value', message: `is no ${denial.kind}` }],
        })
      return change(async (sql, { revision, now }) => {
        await sweepDenied(sql, { revision: revision - 1, now }, signal)
        if ((await countDenied(sql, now, signal)) >= MAX_DENIED) throw fullList()
        const row = denialRow({ ...denial, value }, { revision, now, actorId })
        await insertDenied(sql, row, signal)
        const details = { id: row.id, kind: row.kind, ttlS: denial.ttlS }
        const subjectId = row.kind === 'user' ? value : null
        await insertAudit(
          sql,
          { action: 'guard.denied', actorId, subjectId, ip, requestId, details },
          now,
          signal,
        )
        return row
      }, signal)
    },
    list: async ({ limit, beforeId }, signal) =>
      listDenied(await database.sql(), { now: new Date(clock()), limit, beforeId }, signal),
    async remove(id, actor, signal) {
      if (!isUuid(id)) throw new Fault('not_found')
      await change(async (sql, { revision, now }) => {
        if (!(await removeDenied(sql, { id, revision, now }, signal))) throw new Fault('not_found')
        const entry = { ...actor, action: 'guard.denial_removed', subjectId: null, details: { id } }
        await insertAudit(sql, entry, now, signal)
      }, signal)
    },
  }
}

/** Tries again where somebody else took the revision. @throws Fault `conflict` when that goes on */
async function repeated<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      if (!isUniqueViolation(error)) throw error
    }
  }
  throw new Fault('conflict', { retryAfterS: 1 })
}

function denialRow(
  { kind, value, reason, ttlS }: Denial,
  {
    revision,
    now,
    actorId,
  }: { readonly revision: number; readonly now: Date; readonly actorId: string | null },
): DenyListRow {
  return {
    id: uuidv7(now.getTime()),
    kind,
    value,
    reason,
    revision,
    expires_at: new Date(now.getTime() + ttlS * 1000),
    removed_at: null,
    created_at: now,
    created_by: actorId,
  }
}

function fullList(): Fault {
  return new Fault('conflict', { details: [{ message: `the list has ${MAX_DENIED} entries already` }] })
}
