import * as v from 'valibot'
import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { keepNews, type InboxMessage } from '#shared/db/take-once.ts'
import { Fault } from '#shared/errors.ts'
import { parseJson, readBytes } from '#shared/http/read-body.ts'
import { type Call, route } from '#shared/http/route.ts'
import { validate } from '#shared/http/validate.ts'
import { instant } from '#shared/instant.ts'
import type { Tell } from '#shared/payments/apply-payment.ts'
import { takePayment } from '#shared/payments/take-payment.ts'
import { takeRefund } from '#shared/payments/take-refund.ts'
import type { SignatureCheck, SignedBy } from '#shared/signing/signature-check.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import { receivedFrom } from './received.ts'
import { logRefusal } from './refusals.ts'

export interface PartnerRouteOptions {
  readonly signatures: SignatureCheck
  readonly database: Database
  readonly tell: Tell
  /** Delivers what is due. */
  readonly deliver: (signal: AbortSignal) => Promise<unknown>
  readonly clock: Clock
  readonly logger: Logger
}

const MAX_BYTES = 64 * 1024

const Message = v.object({
  /** The same however often it is sent; Standard Webhooks say it in a header. */
  id: v.optional(v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,128}$/))),
  type: v.pipe(v.string(), v.minLength(1), v.maxLength(64)),
  data: v.unknown(),
})

const fen = v.pipe(v.number(), v.integer(), v.minValue(1))

const PaymentPaid = v.object({
  no: v.pipe(v.string(), v.maxLength(64)),
  transactionId: v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,64}$/)),
  amountFen: fen,
  paidAt: instant,
})

const RefundDecided = v.object({
  refundNo: v.pipe(v.string(), v.maxLength(64)),
  no: v.pipe(v.string(), v.maxLength(64)),
  refundId: v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,64}$/)),
  state: v.picklist(['succeeded', 'closed', 'abnormal']),
  amountFen: fen,
  totalFen: fen,
})

/** What a partner says, once it is known to be this partner. */
interface Told {
  readonly type: string
  readonly data: unknown
  readonly news: InboxMessage
}

/** POST /callback/{partner} {id, type, data} → 204; signed by X-Signature or as Standard Webhooks say, with the partner's key */
export function partnerCallback(options: PartnerRouteOptions) {
  const { signatures, clock, logger } = options

  /** By the type of what is told. */
  const takers: Readonly<Record<string, (told: Told, signal: AbortSignal) => Promise<void>>> = {
    'payment.paid': pay,
    'refund.decided': refund,
  }

  async function handle(call: Call): Promise<Response> {
    const { invocation, signal } = call
    const told = await read(call)
    const take = Object.hasOwn(takers, told.type) ? takers[told.type] : undefined
    await (take ?? keep)(told, signal)
    if (take !== undefined) invocation.waitUntil(options.deliver(invocation.signal))
    return new Response(null, { status: 204 })
  }

  /** The signature is judged on the bytes as they came: nothing is read of them before. */
  async function read({ request, params, invocation, signal }: Call): Promise<Told> {
    const bytes = await readBytes(request, MAX_BYTES, signal)
    const source = params['partner'] ?? ''
    const { requestId } = invocation
    const signed = await signatures.verify(
      {
        request,
        body: async () => bytes,
        session: async () => undefined,
        demand: 'partner',
        partner: source,
        requestId,
      },
      signal,
    )
    const { id, type, data } = validate(Message, parseJson(bytes, request.headers))
    const dedupeKey = messageId(signed, id)
    const said = Buffer.from(bytes).toString() // UTF-8, or it would not have been read
    const received = receivedFrom(request, bytes)
    return { type, data, news: { source, dedupeKey, said, received, requestId } }
  }

  async function pay({ data, news }: Told, signal: AbortSignal): Promise<void> {
    const { no, transactionId, amountFen, paidAt } = validate(PaymentPaid, data)
    const paid = { state: 'paid', transactionId, amountFen, paidAt } as const
    await takePayment({ ...options, now: new Date(clock()) }, { ...news, no, paid }, signal)
  }

  async function refund({ data, news }: Told, signal: AbortSignal): Promise<void> {
    const { refundId: providerId, ...decided } = validate(RefundDecided, data)
    await takeRefund({ ...options, now: new Date(clock()) }, { ...news, providerId, ...decided }, signal)
  }

  /** Of a type that nothing is done about. */
  async function keep({ type, news }: Told, signal: AbortSignal): Promise<void> {
    await keepNews({ ...options, now: new Date(clock()) }, news, signal)
    logger.info('callback.ignored', { requestId: news.requestId, source: news.source, type })
  }

  return route({
    method: 'POST',
    path: '/callback/{partner}',
    handle,
    onRefusal: (refusal) => logRefusal(logger, named(refusal.params['partner']), refusal),
  })
}

/** Nobody has proven who they are here: what is no partner's name is not repeated. */
function named(partner = ''): string {
  return /^[a-z][a-z0-9-]{0,30}$/.test(partner) ? partner : '(none)'
}

function messageId(signed: SignedBy | undefined, id: string | undefined): string {
  const known = signed?.messageId ?? id
  if (known !== undefined) return known
  throw new Fault('validation_failed', { details: [{ path: 'id', message: 'is required' }] })
}
