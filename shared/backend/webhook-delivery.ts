import type { Deliver } from '#shared/outbox/drain.ts'
import { webhookRequestHeaders } from '#shared/signing/webhook.ts'
import { postMessage, type PostingPorts } from './post-message.ts'

/** A shop's own server that is told of what happens here. */
export interface Webhook {
  readonly url: URL
  /** Of Standard Webhooks, 24 to 64 bytes. */
  readonly key: Uint8Array
}

const SECRET = /^whsec_([A-Za-z0-9+/]{32,88}={0,2})$/

/** Reads the secret as Standard Webhooks writes it. @throws TypeError that says what is wrong, without the value */
export function parseWebhookSecret(text: string): Uint8Array {
  const key = Buffer.from(SECRET.exec(text)?.[1] ?? '', 'base64')
  if (key.length < 24 || key.length > 64)
    throw new TypeError('must be whsec_ and 24 to 64 random bytes in base64')
  return key
}

/** @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md */
export function webhookDelivery({ url, key }: Webhook, ports: PostingPorts): Deliver {
  const { clock } = ports
  const post = postMessage(url, ports)
  return async (message, signal) => {
    const { id, topic, payload, created_at: at } = message
    const body = JSON.stringify({ type: topic, timestamp: at.toISOString(), data: JSON.parse(payload) })
    const signed = webhookRequestHeaders({ key, id, clock }, Buffer.from(body))
    await post({ message, body, headers: { 'content-type': 'application/json', ...signed } }, signal)
  }
}
