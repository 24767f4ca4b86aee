import type { Read } from '#shared/config/read-env.ts'
import type { Clock } from '#shared/clock.ts'
import { Fault } from '#shared/errors.ts'
import type { Deliver } from '#shared/outbox/drain.ts'
import { enqueue } from '#shared/outbox/enqueue.ts'
import { CallError } from '#shared/outbound/call-error.ts'
import { fetchAnswer, targetOf } from '#shared/outbound/fetch-answer.ts'
import type { Tell } from '#shared/payments/apply-payment.ts'
import { webhookRequestHeaders } from '#shared/signing/webhook.ts'

/** Who is told of what happens here. */
export interface Webhook {
  readonly url: URL
  /** Of Standard Webhooks, 24 to 64 bytes. */
  readonly key: Uint8Array
}

const SECRET = /^whsec_([A-Za-z0-9+/]{32,88}={0,2})$/
const TARGET = 'webhook'
const TIMEOUT_MS = 8_000
/** Three attempts; what is left then, an admin sends again. */
const RETRY_WAITS_S = [10, 60]

/** What functions that tell others of what happens read besides. */
export function downstreamSettings(read: Read) {
  return {
    webhook: read.optional('WEBHOOK_URL', () => ({
      url: read.url('WEBHOOK_URL', { schemes: ['https', 'http'] }),
      key: read.parsed('WEBHOOK_SECRET', webhookKey),
    })),
    retryWaitsS: read.optional('OUTBOX_RETRY_S', () => read.parsed('OUTBOX_RETRY_S', waits)) ?? RETRY_WAITS_S,
  }
}

function webhookKey(text: string): Uint8Array {
  const key = Buffer.from(SECRET.exec(text)?.[1] ?? '', 'base64')
  if (key.length < 24 || key.length > 64)
    throw new TypeError('must be whsec_ and 24 to 64 random bytes in base64')
  return key
}

function waits(text: string): readonly number[] {
  const seconds = text.split(',').map(Number)
  if (!seconds.every((each) => Number.isInteger(each) && each > 0 && each <= 86_400) || seconds.length > 20)
    throw new TypeError('must be waits in whole seconds, as 10,60,600')
  return seconds
}

/** Keeps news for everybody who is to be told; nothing where nobody is. */
export function tellDownstream(webhook: Webhook | undefined, clock: Clock): Tell {
  return async (sql, { topic, payload, requestId }, signal) => {
    if (webhook === undefined) return
    await enqueue(sql, [{ topic, target: TARGET, payload }], { now: new Date(clock()), requestId, signal })
  }
}

/** Where messages go, by the names that `tellDownstream` gives them. */
export function downstreamTargets(
  webhook: Webhook | undefined,
  clock: Clock,
): Readonly<Record<string, Deliver>> {
  return webhook === undefined ? {} : { [TARGET]: webhookDelivery(webhook, clock) }
}

/** @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md */
function webhookDelivery({ url, key }: Webhook, clock: Clock): Deliver {
  return async ({ id, topic, payload, created_at: at }, signal) => {
    const body = JSON.stringify({ type: topic, timestamp: at.toISOString(), data: JSON.parse(payload) })
    const signed = webhookRequestHeaders({ key, id, clock }, Buffer.from(body))
    const call = { method: 'POST', url } as const
    const headers = { 'content-type': 'application/json', 'user-agent': 'xiaohan', ...signed }
    const answer = await fetchAnswer({ ...call, headers, body, timeoutMs: TIMEOUT_MS }, signal)
    if (answer.status >= 200 && answer.status <= 299) return
    const told = Number(answer.headers.get('retry-after') ?? Number.NaN)
    const cause = new CallError(targetOf(call), `HTTP ${answer.status}`, 'maybe')
    throw new Fault('upstream_failed', { cause, ...(told > 0 ? { retryAfterS: Math.ceil(told) } : {}) })
  }
}
