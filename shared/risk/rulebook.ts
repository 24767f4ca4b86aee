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
import { checkSet } from './check-set.ts'
import { FAILED_SUFFIX, readMatches } from './match-counts.ts'
import { advancePointer } from './pointer.ts'
import { type Difference, replayDecisions } from './replay.ts'
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
  readonly actorId: string
  readonly ip: string
  readonly requestId: string
}

/** Parts of the set to replace; the others stay as they are. */
export type SetChange = { readonly [Part in keyof RuleSet]?: RuleSet[Part] | undefined }

export interface Publication {
  readonly change: SetChange
  /** The version that the change was made for; the one in force unless given. */
  readonly baseVersion?: number | undefined
}

export interface RuleCount {
  /** Times the rule held today (UTC). */
  readonly matched: number
  /** Times its condition failed today. */
  readonly failed: number
}

/** What admins see and change of the rules. The database is asked each time. */
export interface Rulebook {
  current(signal: AbortSignal): Promise<PublishedVersion>
  /** @throws Fault `not_found` */
  version(version: number, signal: AbortSignal): Promise<PublishedVersion>
  /** Newest first. */
  versions(
    page: { readonly before?: number | undefined; readonly limit: number },
    signal: AbortSignal,
  ): Promise<readonly Omit<PublishedVersion, 'content'>[]>
  /**
   * Puts a set in force, in every instance within five seconds.
   *
   * @throws Fault `validation_failed` with `details: [{path, message, line?, column?}]`
   * @throws Fault `conflict` when another version was published in between
   */
  publish(publication: Publication, actor: Actor, signal: AbortSignal): Promise<PublishedVersion>
  /** Publishes an old version's content again. @throws Fault `not_found` or `conflict` */
  restore(
    old: { readonly version: number; readonly baseVersion?: number | undefined },
    actor: Actor,
    signal: AbortSignal,
  ): Promise<PublishedVersion>
  /** Today's counts of a version's rules; the state store has them, and loses them when it is lost. */
  counts(version: PublishedVersion, signal: AbortSignal): Promise<Readonly<Record<string, RuleCount>>>
  /** What a draft would have decided. Changes nothing. @throws Fault `validation_failed` */
  replay(draft: SetChange, options: { readonly limit: number }, signal: AbortSignal): Promise<Difference>
}

export interface RulebookOptions {
  readonly database: Database
  readonly state: StateStore
  readonly clock: Clock
  readonly logger: Logger
  /** Names of policies that rules may throttle by besides the published ones. */
  readonly builtInPolicies: readonly string[]
}

export function createRulebook(options: RulebookOptions): Rulebook {
  const { database, state, clock, logger, builtInPolicies } = options

  async function current(signal: AbortSignal): Promise<PublishedVersion> {
    const version = await latestGuardVersion(database.sql, signal)
    return version === 0 ? NOTHING : find(version, signal)
  }

  async function find(version: number, signal: AbortSignal): Promise<PublishedVersion> {
    const row = await findGuardVersion(database.sql, version, signal)
    if (row === undefined) throw new Fault('not_found')
    const content = JSON.parse(row.content) as RuleSet // Checked before it was stored, and never changed.
    return { ...present(row), content }
  }

  async function checked(input: RuleSet) {
    const result = await checkSet(input, { builtInPolicies })
    if ('problems' in result)
      throw new Fault('validation_failed', { details: result.problems.map((problem) => ({ ...problem })) })
    return result.set
  }

  async function put(
    { content, base, details }: NextVersion,
    actor: Actor,
    signal: AbortSignal,
  ): Promise<PublishedVersion> {
    const row = {
      version: base + 1,
      content: JSON.stringify(content),
      created_at: new Date(clock()),
      created_by: actor.actorId,
    }
    await database.sql
      .transaction()
      .execute((sql) => store(sql, { row, details }, actor, signal))
      .catch(refuseTakenVersion)
    await advancePointer({ database, state }, signal).catch((error: unknown) => {
      // Published all the same: the pointer ends within a minute, and the database is asked then.
      logger.error('risk.pointer_not_written', { version: row.version, error })
    })
    return { ...present(row), content }
  }

  return {
    current,
    version: find,
    async versions(page, signal) {
      const rows = await listGuardVersions(database.sql, { before: page.before, limit: page.limit }, signal)
      return rows.map(present)
    },
    async publish({ change, baseVersion }, actor, signal) {
      const latest = await current(signal)
      requireBase(latest.version, baseVersion)
      const { content } = await checked(changed(latest.content, change))
      return put({ content, base: latest.version, details: { parts: Object.keys(change) } }, actor, signal)
    },
    async restore({ version, baseVersion }, actor, signal) {
      const [latest, old] = [await latestGuardVersion(database.sql, signal), await find(version, signal)]
      requireBase(latest, baseVersion)
      const { content } = await checked(old.content)
      return put({ content, base: latest, details: { restored: version } }, actor, signal)
    },
    counts: ({ version, content }, signal) => countsOf(state, { version, content }, signal),
    async replay(draft, { limit }, signal) {
      const latest = await current(signal)
      return replayDecisions(database, { set: await checked(changed(latest.content, draft)), limit }, signal)
    },
  }
}

interface NextVersion {
  readonly content: RuleSet
  readonly base: number
  /** What the audit says besides the version. */
  readonly details: Readonly<Record<string, unknown>>
}

const NOTHING: PublishedVersion = { version: 0, content: EMPTY_SET, publishedAt: null, publishedBy: null }

function present(row: Omit<GuardVersionRow, 'content'>): Omit<PublishedVersion, 'content'> {
  return { version: row.version, publishedAt: row.created_at, publishedBy: row.created_by }
}

function changed(content: RuleSet, change: SetChange): RuleSet {
  const { rules = content.rules, counters = content.counters, cases = content.cases } = change
  return { rules, counters, cases, policies: change.policies ?? content.policies }
}

function requireBase(latest: number, base: number | undefined): void {
  if (base !== undefined && base !== latest) throw changedInBetween()
}

function refuseTakenVersion(error: unknown): never {
  throw isUniqueViolation(error) ? changedInBetween() : error
}

function changedInBetween(): Fault {
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

async function countsOf(
  state: StateStore,
  { version, content }: Pick<PublishedVersion, 'version' | 'content'>,
  signal: AbortSignal,
): Promise<Readonly<Record<string, RuleCount>>> {
  const ids = content.rules.map(({ id }) => id)
  const names = ids.flatMap((id) => [id, id + FAILED_SUFFIX])
  const matches = await readMatches(state, { version, rules: names }, signal)
  return Object.fromEntries(
    ids.map((id) => [id, { matched: matches.get(id) ?? 0, failed: matches.get(id + FAILED_SUFFIX) ?? 0 }]),
  )
}
