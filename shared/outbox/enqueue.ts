import type { Queries } from '#shared/db/database.ts'
import { insertMessages, type OutboxRow } from '#shared/db/tables/outbox.ts'
import { uuidv7 } from '#shared/ids.ts'

/** Something that others are to be told. */
export interface Message {
  /** Dotted, as `order.paid`. */
  readonly topic: string
  /** Name of where it goes. */
  readonly target: string
  /** Sent as JSON. */
  readonly payload: unknown
}

/** Puts messages into the outbox, in the transaction of what they tell of: both are there or neither. */
export async function enqueue(
  sql: Queries,
  messages: readonly Message[],
  {
    now,
    requestId,
    signal,
  }: { readonly now: Date; readonly requestId?: string; readonly signal: AbortSignal },
): Promise<void> {
  const rows = messages.map(({ topic, target, payload }): OutboxRow => ({
    id: uuidv7(now.getTime()),
    topic,
    target,
    payload: JSON.stringify(payload),
    state: 'waiting',
    due_at: now,
    lease_epoch: 0,
    attempts: 0,
    last_error: null,
    request_id: requestId ?? null,
    created_at: now,
    done_at: null,
  }))
  await insertMessages(sql, rows, signal)
}
