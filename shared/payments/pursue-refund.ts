import { moveRefund, type RefundRow } from '#shared/db/tables/refunds.ts'
import type { OrderRow } from '#shared/db/tables/orders.ts'
import { Fault } from '#shared/errors.ts'
import { applyRefund } from './apply-refund.ts'
import { REFUND_CAME_FROM } from './order-states.ts'
import type { SettleOptions } from './close-order.ts'

/** Has the provider pay a refund back, or asks what became of it, and keeps the answer. The refund as it then stands. */
export async function pursueRefund(
  options: SettleOptions,
  refund: RefundRow,
  order: OrderRow,
  signal: AbortSignal,
): Promise<RefundRow> {
  const { database, clock, provider } = options
  const sql = await database.sql()
  const progress =
    (refund.state === 'asked' ? undefined : await provider.queryRefund(refund, signal)) ??
    (await provider.refund(refund, order, signal).catch(async (error: unknown) => {
      // The provider has it not, and never takes it: the money stays.
      if (error instanceof Fault && error.error === 'validation_failed') await apply('closed', null)
      throw error
    }))
  return apply(progress.state, progress.providerId)

  async function apply(
    state: Exclude<RefundRow['state'], 'asked'>,
    providerId: string | null,
  ): Promise<RefundRow> {
    const now = new Date(clock())
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
}
