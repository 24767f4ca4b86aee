import { openDatabase } from '#shared/db/open-database.ts'
import type { Database, Dialect } from '#shared/db/database.ts'
import { uuidv7 } from '#shared/ids.ts'
import { createDenyList, type DenyList } from '#shared/risk/deny-list.ts'
import type { Decision, Occasion } from '#shared/risk/decision.ts'
import { createRisk, type Risk } from '#shared/risk/risk.ts'
import { createRulebook, type Rulebook } from '#shared/risk/rulebook.ts'
import type { PublishedVersion } from '#shared/risk/versions.ts'
import type { Rule } from '#shared/risk/rule-set.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { type MemoryState, memoryState } from '#tests/fakes/memory-state.ts'
import { testDatabase } from '#tests/services/test-database.ts'

export const { signal } = new AbortController()
export const ADMIN_ID = '0190a0a0-0000-7000-8000-00000000000a'
export const ADMIN = { actorId: ADMIN_ID, ip: '203.0.113.9', requestId: 'admin-request' }

/** Rules over a real database and a state store in memory, with a clock that tests turn. */
export interface RiskBench {
  readonly database: Database
  readonly state: MemoryState
  readonly rulebook: Rulebook
  readonly denyList: DenyList
  readonly log: string[]
  now(): number
  advance(ms: number): void
  /** A further instance, which has seen nothing yet. */
  instance(changes?: { readonly database?: Database }): Instance
  publish(set: unknown): Promise<PublishedVersion>
  close(): Promise<void>
}

/** An instance whose background work tests can wait for. */
export interface Instance {
  readonly risk: Risk
  decide(occasion?: Partial<Occasion>): Promise<Decision>
  /** Waits for the work behind the answers so far. */
  settle(): Promise<void>
}

export async function startRisk(dialect: Dialect = 'postgres'): Promise<RiskBench> {
  let nowMs = Date.UTC(2026, 10, 23, 12)
  const clock = () => nowMs
  const log: string[] = []
  const test = await testDatabase(dialect)
  const database = openDatabase({ url: new URL(test.url), poolSize: 2, clock })
  const state = memoryState({ clock })
  const logger = createLogger({ level: 'debug', clock, write: (line) => log.push(line) })
  const parts = { database, state, clock, logger }
  const rulebook = createRulebook({ ...parts, builtInPolicies: ['login'] })

  return {
    database,
    state,
    rulebook,
    denyList: createDenyList(parts),
    log,
    now: clock,
    advance(ms) {
      nowMs += ms
    },
    instance: (changes = {}) => createInstance(createRisk({ ...parts, ...changes })),
    // What is not a set is refused by the rulebook itself: that is under test.
    publish: (set) => rulebook.publish({ change: set as object }, ADMIN, signal),
    async close() {
      await Promise.all([database.close(), state.close()])
      await test.close()
    },
  }
}

function createInstance(risk: Risk): Instance {
  const work: Promise<unknown>[] = []
  return {
    risk,
    async decide(occasion = {}) {
      const plain = { route: 'POST /login', ip: '203.0.113.7', device: 'device-1' }
      const waitUntil = (promise: Promise<unknown>) => void work.push(promise)
      const inForce = await risk.inForce(occasion.waitUntil ?? waitUntil, signal)
      return inForce.decide({ ...plain, waitUntil, ...occasion }, signal)
    },
    async settle() {
      while (work.length > 0) await work.shift()
    },
  }
}

/** A user who was created so many days before `nowMs`. */
export function userOf(nowMs: number, { days = 0, status = 'active' } = {}) {
  return { id: uuidv7(nowMs - days * 86_400_000), status: async () => status }
}

/** A rule with what a test does not care about filled in. */
export function rule(when: string, changes: Readonly<Record<string, unknown>> = {}): Rule {
  const plain = { id: 'rule-1', priority: 0, scope: {}, when, action: 'deny' }
  return { ...plain, ...changes } as Rule // Where a test makes something else of it, that is what it tests.
}
