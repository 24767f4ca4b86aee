import { createHash } from 'node:crypto'
import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { type Received, takeOnce } from '#shared/db/take-once.ts'
import type { PushedMessage } from '#shared/wechat/pushed-message.ts'
import type { EventHandler, EventPorts } from './events.ts'

export interface TakePushOptions extends EventPorts {
  readonly database: Database
  readonly clock: Clock
}

export interface Push {
  readonly message: PushedMessage
  readonly handler: EventHandler
  readonly received: Received
  readonly requestId: string
  readonly clientIp: string
}

/** Under which pushes are kept and refused. */
export const WECHAT_MESSAGE = 'wechat-message'

/**
 * Keeps a push in the inbox and does what its event asks for, both in one transaction. One that was kept before changes
 * nothing.
 */
export async function takePush(
  { database, clock, ...ports }: TakePushOptions,
  { message, handler, received, ...origin }: Push,
  signal: AbortSignal,
): Promise<void> {
  const { dialect } = database
  const now = new Date(clock())
  const afterCommit = await takeOnce(
    { database, logger: ports.logger, now },
    { ...newsOf(message), received, requestId: origin.requestId },
    (sql) => handler(message, { ...ports, ...origin, sql, dialect, now }, signal),
    signal,
  )
  // What is committed is done, whatever becomes of the rest.
  await afterCommit?.(signal).catch((cause: unknown) =>
    ports.logger.error('callback.after_commit_failed', { requestId: origin.requestId, cause }),
  )
}

function newsOf({ msgId, fields }: PushedMessage) {
  // In compatible mode the message is there twice, and sealed it is another one with every try.
  const { Encrypt: _, ...said } = fields
  const text = JSON.stringify(said)
  // Events have no id of their own: whom, when and what about are all in the body.
  const key = () => `sha256:${createHash('sha256').update(text).digest('hex')}`
  const dedupeKey = msgId === undefined ? key() : `id:${msgId.slice(0, 64)}`
  return { source: WECHAT_MESSAGE, dedupeKey, said: text }
}
