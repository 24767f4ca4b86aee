import { Fault } from '#shared/errors.ts'
import type { CompiledSet } from './compile-set.ts'
import { checkSet } from './check-set.ts'
import { type RuleCount, ruleCounts } from './match-counts.ts'
import { type Difference, replayDecisions } from './replay.ts'
import type { RuleSet } from './rule-set.ts'
import {
  type Actor,
  changedInBetween,
  createVersions,
  type PublishedVersion,
  type Versions,
  type VersionsOptions,
} from './versions.ts'

/** Parts of the set to replace; the others stay as they are. */
export type SetChange = { readonly [Part in keyof RuleSet]?: RuleSet[Part] | undefined }

export interface Publication {
  readonly change: SetChange
  /** The version that the change was made for; the one in force unless given. */
  readonly baseVersion?: number | undefined
}

/** What admins see and change of the rules. The database is asked each time. */
export interface Rulebook {
  current(signal: AbortSignal): Promise<PublishedVersion>
  /** @throws Fault `not_found` */
  version(version: number, signal: AbortSignal): Promise<PublishedVersion>
  /** Newest first. */
  versions: Versions['list']
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

export interface RulebookOptions extends VersionsOptions {
  /** Names of policies that rules may throttle by besides the published ones. */
  readonly builtInPolicies: readonly string[]
}

export function createRulebook(options: RulebookOptions): Rulebook {
  const { database, state, builtInPolicies } = options
  const versions = createVersions(options)

  async function checked(content: RuleSet): Promise<CompiledSet> {
    const result = await checkSet(content, { builtInPolicies })
    if ('set' in result) return result.set
    throw new Fault('validation_failed', { details: result.problems.map((problem) => ({ ...problem })) })
  }

  /** The set in force with some parts replaced. */
  async function draftOf(change: SetChange, signal: AbortSignal) {
    const { version: base, content } = await versions.current(signal)
    const { rules = content.rules, counters = content.counters, cases = content.cases } = change
    return { base, draft: { rules, counters, cases, policies: change.policies ?? content.policies } }
  }

  return {
    current: (signal) => versions.current(signal),
    version: (version, signal) => versions.find(version, signal),
    versions: (page, signal) => versions.list(page, signal),
    async publish({ change, baseVersion }, actor, signal) {
      const { base, draft } = await draftOf(change, signal)
      if ((baseVersion ?? base) !== base) throw changedInBetween()
      const { content } = await checked(draft)
      return versions.put({ content, base, details: { parts: Object.keys(change) } }, actor, signal)
    },
    async restore({ version, baseVersion }, actor, signal) {
      const { version: base } = await versions.current(signal)
      if ((baseVersion ?? base) !== base) throw changedInBetween()
      const { content } = await checked((await versions.find(version, signal)).content)
      return versions.put({ content, base, details: { restored: version } }, actor, signal)
    },
    counts({ version, content: { rules } }, signal) {
      return ruleCounts(state, { version, ids: rules.map(({ id }) => id) }, signal)
    },
    async replay(change, { limit }, signal) {
      const { draft } = await draftOf(change, signal)
      return replayDecisions(database, { set: await checked(draft), limit }, signal)
    },
  }
}
