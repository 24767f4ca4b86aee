import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import {
  deleteDecisionsBefore,
  insertDecisions,
  type RiskDecisionRow,
} from '#shared/db/tables/risk-decisions.ts'
import { uuidv7 } from '#shared/ids.ts'
import type { StateStore } from '#shared/state/store.ts'
import { createBatch } from './batch.ts'
import type { Decision, Occasion } from './decision.ts'
import type { GivenFacts } from './facts.ts'
import { addMatches, type Match } from './match-counts.ts'

/** Of decisions that no rule made: enough to try a draft on, few enough not to be felt. */
const MAX_UNMATCHED_PER_S = 5
const MAX_DECISIONS = 100
/** A row in the database for each; a platform that freezes its instances keeps the answer back until it is there. */
const DECISIONS_EVERY_MS = 1_000
const MAX_MATCHES = 1_000
const KEPT_MS = 7 * 86_400_000
const SWEEP_MS = 3_600_000
const WRITE_MS = 500

/** Keeps decisions and counts matches in the background; what cannot be written is dropped. */
export interface Recorder {
  decided(decided: Decided): void
  matched(matches: readonly Match[]): void
  /** Begins to write what is due. Call it on every occasion. */
  tend(waitUntil: Occasion['waitUntil']): void
  /** Writes what is still buffered. */
  close(): Promise<void>
}

export interface Decided {
  readonly occasion: Occasion
  readonly decision: Decision
  readonly version: number
  /** Asked for only when the decision is kept. */
  readonly facts: () => GivenFacts
}

export interface RecorderOptions {
  readonly database: Database
  readonly state: StateStore
  readonly clock: Clock
  readonly onError: (part: string, error: unknown) => void
}

export function createRecorder({ database, state, clock, onError }: RecorderOptions): Recorder {
  const isSampled = createSample(clock)
  let sweptAtMs = clock()

  const decisions = createBatch<RiskDecisionRow>({
    clock,
    maxItems: MAX_DECISIONS,
    urgentMs: DECISIONS_EVERY_MS,
    write: (rows) => inTime('The database', (signal) => writeDecisions(rows, signal)),
    onError: (error) => onError('decisions', error),
  })
  const matches = createBatch<Match>({
    clock,
    maxItems: MAX_MATCHES,
    urgentMs: 0,
    write: (batch) => inTime('The state store', (signal) => addMatches(state, batch, signal)),
    onError: (error) => onError('matches', error),
  })

  async function writeDecisions(rows: readonly RiskDecisionRow[], signal: AbortSignal): Promise<void> {
    await insertDecisions(await database.sql(), rows, signal)
    if (clock() - sweptAtMs < SWEEP_MS) return
    sweptAtMs = clock()
    await deleteDecisionsBefore(await database.sql(), new Date(clock() - KEPT_MS), signal)
  }

  return {
    decided(decided) {
      const isUrgent = decided.decision.rule !== undefined
      if (!isUrgent && !isSampled()) return
      decisions.add(decisionRow(decided, clock()), { isUrgent })
    },
    matched(held) {
      for (const match of held) matches.add(match, { isUrgent: true })
    },
    tend(waitUntil) {
      decisions.tend(waitUntil)
      matches.tend(waitUntil)
    },
    async close() {
      await Promise.all([decisions.flush(), matches.flush()])
    },
  }
}

/** Who was too slow, which the timeout itself does not say. */
async function inTime(who: string, write: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const signal = AbortSignal.timeout(WRITE_MS)
  await write(signal).catch((error: unknown) => {
    throw signal.aborted ? new Error(`${who} did not take it within ${WRITE_MS} ms`, { cause: error }) : error
  })
}

/** True at most so often a second. */
function createSample(clock: Clock): () => boolean {
  let second = 0
  let count = 0
  return () => {
    const now = Math.floor(clock() / 1000)
    if (now !== second) count = 0
    second = now
    count += 1
    return count <= MAX_UNMATCHED_PER_S
  }
}

function decisionRow({ occasion, decision, version, facts }: Decided, nowMs: number): RiskDecisionRow {
  return {
    id: uuidv7(nowMs),
    at: new Date(nowMs),
    route: occasion.route.slice(0, 255),
    user_id: occasion.user?.id ?? null,
    facts: JSON.stringify(facts()),
    version,
    rule: decision.rule ?? null,
    action: decision.action,
  }
}
