import * as v from 'valibot'
import { Fault } from '#shared/errors.ts'
import type { Secret } from '#shared/secret.ts'
import { name, Transaction } from './calls.ts'
import { openResource } from './open-resource.ts'

const Envelope = v.object({
  id: name,
  event_type: v.string(),
  resource_type: v.literal('encrypt-resource'),
  resource: v.object({
    algorithm: v.literal('AEAD_AES_256_GCM'),
    original_type: v.optional(v.string()),
    ciphertext: v.pipe(v.string(), v.maxLength(1_048_576)),
    associated_data: v.optional(v.string()),
    nonce: v.string(),
  }),
})

const RefundNotice = v.object({
  mchid: v.string(),
  out_trade_no: v.string(),
  out_refund_no: v.string(),
  refund_id: name,
  refund_status: v.picklist(['SUCCESS', 'CLOSED', 'PROCESSING', 'ABNORMAL']),
  success_time: v.optional(v.string()),
  amount: v.object({ total: v.number(), refund: v.number() }),
})

export type RefundNotice = v.InferOutput<typeof RefundNotice>

/** What a notification says, once it is verified and opened. */
export type Notification =
  | (Opened & { readonly kind: 'payment'; readonly transaction: Transaction })
  | (Opened & { readonly kind: 'refund'; readonly refund: RefundNotice })
  /** Of a kind that we do nothing about. */
  | { readonly id: string; readonly kind: 'other'; readonly eventType: string }

/** How the names of events begin. */
const KINDS = [
  ['TRANSACTION.', 'payment'],
  ['REFUND.', 'refund'],
] as const

interface Opened {
  /** The same however often it is sent. */
  readonly id: string
  /** The text that was sealed in it; sent again it is the same, sealed anew. */
  readonly said: string
}

/** Reads a notification whose signature was verified. @throws Fault validation_failed */
export function readNotification(apiKey: Secret, body: Uint8Array): Notification {
  const { id, event_type: eventType, resource } = parse(Envelope, json(Buffer.from(body).toString()))
  const kind = KINDS.find(([prefix]) => eventType.startsWith(prefix))?.[1]
  if (kind === undefined) return { id, kind: 'other', eventType }
  const said = openResource(apiKey, resource)
  return kind === 'payment'
    ? { id, kind, said, transaction: parse(Transaction, json(said)) }
    : { id, kind, said, refund: parse(RefundNotice, json(said)) }
}

function parse<Schema extends v.GenericSchema>(schema: Schema, value: unknown): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value)
  if (!result.success) throw unreadable()
  return result.output
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw unreadable()
  }
}

function unreadable(): Fault {
  return new Fault('validation_failed', { details: [{ reason: 'unreadable' }] })
}
