import { randomUUID } from 'node:crypto'
import { systemClock } from '#shared/clock.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import { builtInPolicies } from '#shared/guard/built-in-policies.ts'
import { createDenyList, type DenyList } from '#shared/risk/deny-list.ts'
import { EMPTY_SET } from '#shared/risk/rule-set.ts'
import { createRulebook, type Rulebook } from '#shared/risk/rulebook.ts'
import { openState } from '#shared/state/open-state.ts'
import { createLogger } from '#shared/telemetry/logger.ts'

export type RulesCommand =
  | { readonly name: 'list' | 'clear' | 'undeny' }
  | { readonly name: 'show'; readonly version?: number }
  | { readonly name: 'restore'; readonly version: number }

export interface RulesOptions {
  readonly databaseUrl: string
  readonly redisUrl?: string | undefined
  readonly print: (text: string) => void
}

const PAGE = 100

/** Does what an admin's routes do, straight in the database, where no rule stands in the way. */
export async function runRules(command: RulesCommand, options: RulesOptions): Promise<void> {
  const { databaseUrl, redisUrl, print } = options
  const clock = systemClock
  const database = openDatabase({ url: new URL(databaseUrl), poolSize: 1, clock })
  const postgres = database.dialect === 'postgres' ? database : undefined
  const state = openState({ redisUrl, postgres })
  const logger = createLogger({ write: (line) => process.stderr.write(line) })
  const parts = { database, state, clock, logger }
  const rulebook = createRulebook({ ...parts, builtInPolicies: Object.keys(builtInPolicies()) })
  try {
    await carryOut(command, { rulebook, denyList: createDenyList(parts), print })
  } finally {
    await Promise.all([database.close(), state.close()])
  }
}

interface Books {
  readonly rulebook: Rulebook
  readonly denyList: DenyList
  readonly print: (text: string) => void
}

async function carryOut(command: RulesCommand, { rulebook, denyList, print }: Books): Promise<void> {
  const { signal } = new AbortController()
  const actor = { actorId: null, requestId: randomUUID() }
  switch (command.name) {
    case 'list': {
      const versions = await rulebook.versions({ limit: PAGE }, signal)
      for (const { version, publishedAt, publishedBy } of versions)
        print(`${version}  ${publishedAt?.toISOString() ?? ''}  ${publishedBy ?? 'from a terminal'}`)
      return
    }
    case 'show': {
      const { version } = command
      const shown = version === undefined ? rulebook.current(signal) : rulebook.version(version, signal)
      return print(JSON.stringify(await shown, undefined, 2))
    }
    case 'restore': {
      const { version } = await rulebook.restore({ version: command.version }, actor, signal)
      return print(`Version ${command.version} is published again, as version ${version}.`)
    }
    case 'clear': {
      const { version } = await rulebook.publish({ change: EMPTY_SET }, actor, signal)
      return print(`Version ${version} is published, without rules and policies.`)
    }
    case 'undeny': {
      let removed = 0
      for (;;) {
        const entries = await denyList.list({ limit: PAGE }, signal)
        for (const { id } of entries) await denyList.remove(id, actor, signal)
        removed += entries.length
        if (entries.length < PAGE) return print(`${removed} entries are taken from the deny list.`)
      }
    }
  }
}
