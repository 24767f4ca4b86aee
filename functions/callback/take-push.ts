import { createHash } from 'node:crypto'
import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { findInboxHash, insertInboxOnce } from '#shared/db/tables/inbox.ts'
import { uuidv7 } from '#shared/ids.ts'
import type { PushedMessage } from '#shared/wechat/pushed-message.ts'
import type { EventHandler, EventPorts } from './events.ts'

export interface TakePushOptions extends EventPorts {
  readonly database: Database
  readonly clock: Clock
}

export interface Push {
  readonly message: PushedMessage
  readonly handler: EventHandler
  readonly requestId: string
  readonly clientIp: string
}

const SOURCE = 'wechat-message'

/**
 * Keeps a push in the inbox and does what its event asks for, both in one transaction. One that was kept before changes
 * nothing.
 */
export async function takePush(
  { database, clock, ...ports }: TakePushOptions,
  { message, handler, ...origin }: Push,
  signal: AbortSignal,
): Promise<void> {
  const { dialect } = database
  const now = new Date(clock())
  const row = inboxRow(message, { now, requestId: origin.requestId })
  const sql = await database.sql()
  const afterCommit = await sql.transaction().execute(async (own) => {
    if (await insertInboxOnce({ sql: own, dialect }, row, signal))
      return handler(message, { ...ports, ...origin, sql: own, dialect, now }, signal)
    const kept = await findInboxHash(own, row, signal)
    const facts = { requestId: origin.requestId, pushed: message.event }
    if (kept === row.payload_hash) ports.logger.info('callback.known', facts)
    else ports.logger.error('callback.key_reused', facts)
    return undefined
  })
  // What is committed is done, whatever becomes of the rest.
  await afterCommit?.(signal).catch((cause: unknown) =>
    ports.logger.error('callback.after_commit_failed', { requestId: origin.requestId, cause }),
  )
}

function inboxRow(
  { msgId, fields }: PushedMessage,
  { now, requestId }: { readonly now: Date; readonly requestId: string },
) {
  // In compatible mode the message is there twice, and sealed it is another one with every try.
  const { Encrypt: _, ...said } = fields
  const body = JSON.stringify(said)
  const hash = createHash('sha256').update(body).digest('hex')
  return {
    id: uuidv7(now.getTime()),
    source: SOURCE,
    // Events have no id of their own: whom, when and what about are all in the body.
    dedupe_key: msgId === undefined ? `sha256:${hash}` : `id:${msgId.slice(0, 64)}`,
    payload_hash: hash,
    body,
    request_id: requestId,
    received_at: now,
  }
}
