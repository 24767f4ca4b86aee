import * as v from 'valibot'
import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
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
interface News {
  readonly partner: string
  readonly id: string
  readonly type: string
  readonly data: unknown
  /** As received. */
  readonly body: string
}

/** POST /callback/{partner} {id, type, data} → 204; signed by X-Signature or as Standard Webhooks say, with the partner's key */
export function partnerCallback(options: PartnerRouteOptions) {
  const { signatures, clock, logger } = options

  /** By the type of what is told. */
  const takers: Readonly<Record<string, (news: News, call: Call) => Promise<void>>> = {
    'payment.paid': pay,
    'refund.decided': refund,
  }

  async function handle(call: Call): Promise<Response> {
    const { invocation, params } = call
    const requestId = invocation.requestId
    try {
      const news = await read(call)
      const take = Object.hasOwn(takers, news.type) ? takers[news.type] : undefined
      if (take === undefined)
        logger.info('callback.ignored', { requestId, source: news.partner, type: news.type })
      else {
        await take(news, call)
        invocation.waitUntil(options.deliver(invocation.signal))
      }
      return new Response(null, { status: 204 })
    } catch (error) {
      if (error instanceof Fault)
        logger.warn('callback.refused', { requestId, source: named(params['partner']), error: error.error })
      throw error
    }
  }

  /** The signature is judged on the bytes as they came: nothing is read of them before. */
  async function read({ request, params, invocation, signal }: Call): Promise<News> {
    const bytes = await readBytes(request, MAX_BYTES, signal)
    const partner = params['partner'] ?? ''
    const signed = await signatures.verify(
      {
        request,
        body: async () => bytes,
        session: async () => undefined,
        demand: 'partner',
        partner,
        requestId: invocation.requestId,
      },
      signal,
    )
    const { id, type, data } = validate(Message, parseJson(bytes, request.headers))
    return { partner, id: messageId(signed, id), type, data, body: Buffer.from(bytes).toString() }
  }

  async function pay({ partner, id, data, body }: News, { invocation, signal }: Call): Promise<void> {
    const { no, transactionId, amountFen, paidAt } = validate(PaymentPaid, data)
    const paid = { state: 'paid', transactionId, amountFen, paidAt } as const
    const { requestId } = invocation
    const news = { source: partner, dedupeKey: id, no, paid, body, requestId }
    await takePayment({ ...options, now: new Date(clock()) }, news, signal)
  }

  async function refund({ partner, id, data, body }: News, { invocation, signal }: Call): Promise<void> {
    const { refundId: providerId, ...decided } = validate(RefundDecided, data)
    const { requestId } = invocation
    const news = { source: partner, dedupeKey: id, body, requestId, providerId, ...decided }
    await takeRefund({ ...options, now: new Date(clock()) }, news, signal)
  }

  return route({ method: 'POST', path: '/callback/{partner}', handle })
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
