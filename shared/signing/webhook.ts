import { createHmac, timingSafeEqual } from 'node:crypto'
import { type Clock, systemClock } from '#shared/clock.ts'
import { Fault } from '#shared/errors.ts'
import { randomId } from '#shared/ids.ts'
import type { PartnerKey } from './partner-keys.ts'

// Standard Webhooks by node:crypto alone: the library signs text that a decoder has already repaired, and reads the
// timestamp "123abc" as 123. @see https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md

/** A delivery's three headers, as sent. */
export interface WebhookHeaders {
  /** The message's id: the same for every attempt to deliver it. */
  readonly id: string
  /** Unix seconds of this attempt. */
  readonly timestamp: string
  /** Space-separated, so that two keys can be in use at once. */
  readonly signatures: string
}

export interface WebhookSigner {
  /** 32 bytes. */
  readonly key: Uint8Array
  /** The message's id; a fresh one unless given. */
  readonly id?: string
  readonly clock?: Clock
}

/** Header → its form and what that means. An id with a dot could pose as another id and time. */
const FORMS = {
  'webhook-id': [/^[\x21-\x2d\x2f-\x7e]{1,128}$/, 'up to 128 visible ASCII characters without a dot'],
  'webhook-timestamp': [/^\d{10}$/, 'Unix seconds in ten digits'],
  'webhook-signature': [/^[\x20-\x7e]+$/, 'v1,<base64>, several parted by spaces'],
} as const

/** Whether a request says it is a webhook's delivery. */
export function isWebhook(headers: Headers): boolean {
  return Object.keys(FORMS).some((name) => headers.has(name))
}

/** @throws Fault `bad_request` for a header that is missing or malformed. */
export function webhookHeaders(headers: Headers): WebhookHeaders {
  const [id, timestamp, signatures] = (['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const).map(
    (name) => {
      const value = headers.get(name) ?? ''
      const [form, means] = FORMS[name]
      if (form.test(value)) return value
      throw new Fault('bad_request', { details: [{ header: name, message: `must be ${means}` }] })
    },
  )
  return { id: id ?? '', timestamp: timestamp ?? '', signatures: signatures ?? '' }
}

/** The key that signed the delivery; undefined when none of them did. */
export function webhookKey(
  keys: readonly PartnerKey[],
  delivery: WebhookHeaders,
  body: Uint8Array,
): PartnerKey | undefined {
  const given = delivery.signatures.split(' ').map((signature) => Buffer.from(signature))
  return keys.find(({ key }) => {
    const expected = Buffer.from(webhookSignature(key, delivery, body))
    return given.some((one) => one.byteLength === expected.byteLength && timingSafeEqual(one, expected))
  })
}

/** The same request with the headers of Standard Webhooks: nothing sent, the body read and kept. */
export async function signWebhook(request: Request, signer: WebhookSigner): Promise<Request> {
  const headers = webhookRequestHeaders(signer, new Uint8Array(await request.clone().arrayBuffer()))
  const signed = new Request(request)
  for (const [name, value] of Object.entries(headers)) signed.headers.set(name, value)
  return signed
}

/** The headers that prove a delivery with this body. */
export function webhookRequestHeaders(
  { key, id = `msg_${randomId()}`, clock = systemClock }: WebhookSigner,
  body: Uint8Array,
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(clock() / 1_000))
  const signature = webhookSignature(key, { id, timestamp }, body)
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature }
}

function webhookSignature(
  key: Uint8Array,
  { id, timestamp }: Pick<WebhookHeaders, 'id' | 'timestamp'>,
  body: Uint8Array,
): string {
  const mac = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')
  return `v1,${mac}`
}
