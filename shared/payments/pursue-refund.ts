import type { OrderRow } from '#shared/db/tables/orders.ts'
import { moveRefund, type RefundRow } from '#shared/db/tables/refunds.ts'
import { Fault } from '#shared/errors.ts'
import { applyRefund } from './apply-refund.ts'
import type { SettleOptions } from './close-order.ts'
import { REFUND_CAME_FROM } from './order-states.ts'
import type { RefundProgress } from './provider.ts'

export interface Pursued {
  /** As it stands then. */
  readonly refund: RefundRow
  /** Why the provider never pays it back, where it said so just now; it is closed by then. */
  readonly refusal?: Fault
}

/** Has the provider pay a refund back, or asks what became of it, and keeps the answer. */
export async function pursueRefund(
  options: SettleOptions,
  refund: RefundRow,
  order: OrderRow,
  signal: AbortSignal,
): Promise<Pursued> {
  const { provider } = options
  const known = refund.state === 'asked' ? undefined : await provider.queryRefund(refund, signal)
  if (known !== undefined) return { refund: await kept(options, { refund, order, progress: known }, signal) }
  try {
    const progress = await provider.refund(refund, order, signal)
    return { refund: await kept(options, { refund, order, progress }, signal) }
  } catch (error) {
    if (!(error instanceof Fault && error.error === 'refused_by_provider')) throw error
    // Another call for the same refund may have been faster: only what the provider does not know is surely refused.
    const progress = await provider.queryRefund(refund, signal)
    if (progress !== undefined) return { refund: await kept(options, { refund, order, progress }, signal) }
    const refused = { state: 'closed', providerId: null } as const
    return { refund: await kept(options, { refund, order, progress: refused }, signal), refusal: error }
  }
}

interface Progressed {
  readonly refund: RefundRow
  readonly order: OrderRow
  readonly progress: Pick<RefundProgress, 'state'> & { readonly providerId: string | null }
}

async function kept(
  options: SettleOptions,
  { refund, order, progress: { state, providerId } }: Progressed,
  signal: AbortSignal,
): Promise<RefundRow> {
  const { database, clock } = options
  const now = new Date(clock())
  const sql = await database.sql()
  if (state === 'processing') {
    const to = { state, provider_id: providerId, updated_at: now } as const
    await moveRefund(sql, { id: refund.id, from: REFUND_CAME_FROM.processing, to }, signal)
    return { ...refund, ...to }
  }
  const applying = { ...options, now }
  await sql
    .transaction()
    .execute((own) => applyRefund(applying, { sql: own, refund, order, state, providerId }, signal))
  return { ...refund, state }
}
