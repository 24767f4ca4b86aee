import { openDatabase } from '#shared/db/open-database.ts'
import { systemClock } from '#shared/clock.ts'
import { compileSet } from '#shared/risk/compile-set.ts'
import { createRisk, type Risk } from '#shared/risk/risk.ts'
import type { Rule, RuleSet } from '#shared/risk/rule-set.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { memoryState } from '#tests/fakes/memory-state.ts'
import { median, type Row } from './table.ts'

const RULES = 100
const ROUNDS = 200
const DECISIONS_A_ROUND = 50
const MAX_DECISION_MS = 0.2

const CONDITIONS = [
  'user.signedIn && user.ageDays < 0 && ip.startsWith("198.51.100.")',
  'hour < 0 || (device == "emulator" && method == "POST")',
  'ipPrefix in ["198.51.100.0/24", "192.0.2.0/24"] && route != "/user"',
  '["sim", "emu", "bot"].exists(part, device.contains(part))',
] as const

const { signal } = new AbortController()

/** A decision over rules of which none holds, so that all are tried; and what it costs to have them ready. */
export async function benchRules(): Promise<readonly Row[]> {
  const [first, ...later] = await compileTimes()
  const decisions = await withRisk(decisionTimes)
  return [
    row(`first ${RULES} rules compiled, engine loaded`, [first ?? Number.NaN], 'once an instance'),
    row(`${RULES} rules compiled again`, later, `median of ${later.length}`),
    {
      ...row(
        `a decision over ${RULES} rules`,
        decisions,
        `median of ${ROUNDS} × ${DECISIONS_A_ROUND}, no store`,
      ),
      target: `≤ ${MAX_DECISION_MS} ms`,
      met: median(decisions) <= MAX_DECISION_MS,
    },
  ]
}

function row(what: string, timesMs: readonly number[], how: string): Row {
  // The table has one decimal, which is not enough for figures this small.
  return { what, median: median(timesMs) * 1000, unit: 'µs', how }
}

async function compileTimes(): Promise<readonly number[]> {
  const times: number[] = []
  for (let round = 0; round < 11; round += 1) {
    const startedAt = performance.now()
    const compiled = await compileSet(ruleSet())
    times.push(performance.now() - startedAt)
    if ('problems' in compiled) throw new TypeError('Cannot measure: the rules are refused')
  }
  return times
}

/** Published rules in a store in memory; the database is not needed, and not there. */
async function withRisk<T>(work: (risk: Risk) => Promise<T>): Promise<T> {
  const state = memoryState()
  const database = openDatabase({ url: new URL('postgres://127.0.0.1:1/none'), poolSize: 1 })
  await state.set('risk:current', '1.0', { ttlMs: 600_000 }, signal)
  await state.set('risk:set:1', JSON.stringify(ruleSet()), { ttlMs: 600_000 }, signal)
  const logger = createLogger({ level: 'error' })
  const risk = createRisk({ database, state, clock: systemClock, logger })
  try {
    return await work(risk)
  } finally {
    await database.close()
  }
}

async function decisionTimes(risk: Risk): Promise<readonly number[]> {
  const user = { id: '0190a0a0-0000-7000-8000-000000000001', status: async () => 'active' }
  const occasion = { route: 'POST /login', ip: '203.0.113.7', device: 'device-1', user, waitUntil: () => {} }
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const startedAt = performance.now()
    for (let at = 0; at < DECISIONS_A_ROUND; at += 1)
      await (await risk.inForce(occasion.waitUntil, signal)).decide(occasion, signal)
    times.push((performance.now() - startedAt) / DECISIONS_A_ROUND)
  }
  return times
}

function ruleSet(): RuleSet {
  const rules = Array.from({ length: RULES }, (_, at): Rule => {
    const when = CONDITIONS[at % CONDITIONS.length] ?? 'false'
    return { id: `rule-${at}`, priority: at, scope: {}, when, action: 'deny' }
  })
  return { rules, counters: [], cases: [], policies: {} }
}
