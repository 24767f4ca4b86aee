import type { Clock } from '#shared/clock.ts'
import type { Database, Queries } from '#shared/db/database.ts'
import { isUniqueViolation } from '#shared/db/is-unique-violation.ts'
import { insertAudit } from '#shared/db/tables/audit.ts'
import {
  findGuardVersion,
  type GuardVersionRow,
  insertGuardVersion,
  latestGuardVersion,
  listGuardVersions,
} from '#shared/db/tables/guard-versions.ts'
import { Fault } from '#shared/errors.ts'
import type { StateStore } from '#shared/state/store.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import { pointAnew } from './pointer.ts'
import { EMPTY_SET, type RuleSet } from './rule-set.ts'

export interface PublishedVersion {
  /** 0 while nothing is published. */
  readonly version: number
  readonly content: RuleSet
  readonly publishedAt: Date | null
  readonly publishedBy: string | null
}

/** Who changes what is in force. */
export interface Actor {
  /** The user; null for somebody at a terminal. */
  readonly actorId: string | null
  readonly ip?: string | undefined
  readonly requestId: string
}

/** The versions as the database has them. */
export interface Versions {
  current(signal: AbortSignal): Promise<PublishedVersion>
  /** @throws Fault `not_found` */
  find(version: number, signal: AbortSignal): Promise<PublishedVersion>
  /** Newest first. */
  list(page: VersionPage, signal: AbortSignal): Promise<readonly Omit<PublishedVersion, 'content'>[]>
  /** Puts a checked set in force. @throws Fault `conflict` when `base` is no longer the version in force */
  put(next: NextVersion, actor: Actor, signal: AbortSignal): Promise<PublishedVersion>
}

export interface VersionPage {
  /** Only versions older than this one. */
  readonly before?: number | undefined
  readonly limit: number
}

export interface NextVersion {
  readonly content: RuleSet
  readonly base: number
  /** What the audit says besides the version. */
  readonly details: Readonly<Record<string, unknown>>
}

export interface VersionsOptions {
  readonly database: Database
  readonly state: StateStore
  readonly clock: Clock
  readonly logger: Logger
}

const NOTHING: PublishedVersion = { version: 0, content: EMPTY_SET, publishedAt: null, publishedBy: null }

export function createVersions(options: VersionsOptions): Versions {
  const { database, clock } = options

  async function find(version: number, signal: AbortSignal): Promise<PublishedVersion> {
    const row = await findGuardVersion(await database.sql(), version, signal)
    if (row === undefined) throw new Fault('not_found')
    const content = JSON.parse(row.content) as RuleSet // Checked before it was stored, and never changed.
    return { ...present(row), content }
  }

  return {
    find,
    async current(signal) {
      const version = await latestGuardVersion(await database.sql(), signal)
      return version === 0 ? NOTHING : find(version, signal)
    },
    async list({ before, limit }, signal) {
      return (await listGuardVersions(await database.sql(), { before, limit }, signal)).map(present)
    },
    async put({ content, base, details }, actor, signal) {
      const row = {
        version: base + 1,
        content: JSON.stringify(content),
        created_at: new Date(clock()),
        created_by: actor.actorId,
      }
      await (
        await database.sql()
      )
        .transaction()
        .execute((sql) => store(sql, { row, details }, actor, signal))
        .catch(refuseTakenVersion)
      await pointAnew(options)
      return { ...present(row), content }
    },
  }
}

function present(row: Omit<GuardVersionRow, 'content'>): Omit<PublishedVersion, 'content'> {
  return { version: row.version, publishedAt: row.created_at, publishedBy: row.created_by }
}

/** The version is the table's key: whoever is second finds it taken. */
function refuseTakenVersion(error: unknown): never {
  throw isUniqueViolation(error) ? changedInBetween() : error
}

export function changedInBetween(): Fault {
  return new Fault('conflict', { details: [{ message: 'another version was published in between' }] })
}

async function store(
  sql: Queries,
  { row, details }: { readonly row: GuardVersionRow } & Pick<NextVersion, 'details'>,
  actor: Actor,
  signal: AbortSignal,
): Promise<void> {
  await insertGuardVersion(sql, row, signal)
  const entry = { ...actor, action: 'guard.rules_published', subjectId: null, details }
  await insertAudit(sql, { ...entry, details: { version: row.version, ...details } }, row.created_at, signal)
}
