import { type OutboxRow, settleMessages } from '#shared/db/tables/outbox.ts'
import { Fault } from '#shared/errors.ts'
import { neverSent } from '#shared/outbound/call-error.ts'
import type { Drained, DrainOptions } from './drain.ts'
import { FinalFailure } from './final-failure.ts'
import { nextWaitMs } from './schedule.ts'

/** For the statement that keeps what became of a delivery. */
const RECORD_MS = 2_000
const MAX_ERROR_CHARS = 255

/** What came of a delivery. */
export interface Outcome {
  readonly row: OutboxRow
  /** Undefined for a message that has arrived. */
  readonly error?: unknown
}

/**
 * Keeps outcomes as they come, whoever is still under way and also when the time is over: what has arrived must not
 * arrive again. Those that come together, or while others are being kept, share a statement.
 */
export function createOutcomeRecorder(options: DrainOptions) {
  const sum = { done: 0, failed: 0, dead: 0 }
  let waiting: Outcome[] = []
  let keeping: Promise<void> | undefined

  async function keepWaiting(): Promise<void> {
    await nextTurn()
    while (waiting.length > 0) {
      const outcomes = waiting
      waiting = []
      const counts = await kept(options, outcomes)
      sum.done += counts.done
      sum.failed += counts.failed
      sum.dead += counts.dead
    }
    keeping = undefined
  }

  return {
    sum,
    record(outcome: Outcome): Promise<void> {
      waiting.push(outcome)
      keeping ??= keepWaiting()
      return keeping
    },
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

async function kept(options: DrainOptions, outcomes: readonly Outcome[]): Promise<Drained> {
  const { database, clock } = options
  const arrived = outcomes.filter(({ error }) => error === undefined).map(({ row }) => row)
  const done = { state: 'done', last_error: null, done_at: new Date(clock()) } as const
  await settleMessages(await database.sql(), arrived, done, AbortSignal.timeout(RECORD_MS))
  let dead = 0
  const failures = outcomes.filter(({ error }) => error !== undefined)
  for (const failure of failures) if (!(await postponed(options, failure))) dead++
  return { done: arrived.length, failed: failures.length - dead, dead }
}

/** Whether the message will be tried again. */
async function postponed(
  { database, clock, logger, schedule }: DrainOptions,
  { row, error }: Outcome,
): Promise<boolean> {
  const signal = AbortSignal.timeout(RECORD_MS)
  const retryAfterS = error instanceof Fault ? error.retryAfterS : undefined
  const isFinal = error instanceof FinalFailure
  const isUntried = !isFinal && error instanceof Fault && error.error === 'unavailable' && neverSent(error)
  // What was not even tried, since its host did not answer a moment ago, has used up no attempt.
  const attempts = isUntried ? row.attempts - 1 : row.attempts
  const waitMs = isFinal ? undefined : nextWaitMs(schedule, Math.max(1, attempts), retryAfterS)
  const facts = { messageId: row.id, topic: row.topic, target: row.target, attempts: row.attempts }
  const sql = await database.sql()
  const lastError = errorLine(error)
  if (waitMs === undefined) {
    // Somebody who wants no messages is no mistake of anybody's.
    logger[isFinal ? 'warn' : 'error']('outbox.dead', { ...facts, requestId: row.request_id, cause: error })
    await settleMessages(sql, [row], { state: 'dead', last_error: lastError, done_at: null }, signal)
    return false
  }
  logger.warn('outbox.failed', { ...facts, requestId: row.request_id, nextInS: waitMs / 1_000, cause: error })
  const later = {
    state: 'waiting',
    last_error: lastError,
    done_at: null,
    attempts,
    due_at: new Date(clock() + waitMs),
  } as const
  await settleMessages(sql, [row], later, signal)
  return true
}

/** The innermost reason: what is around it says only that a delivery failed, but where it says why it is the last. */
function errorLine(error: unknown): string {
  let inner = error
  while (inner instanceof Error && inner.cause !== undefined) inner = inner.cause
  const reason = inner instanceof Error ? inner.message : String(inner)
  const isExplained = error instanceof FinalFailure && inner !== error
  return (isExplained ? `${error.message}: ${reason}` : reason).slice(0, MAX_ERROR_CHARS)
}
