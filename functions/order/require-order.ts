import { findOrder, type OrderRow } from '#shared/db/tables/orders.ts'
import { Fault } from '#shared/errors.ts'
import type { Call } from '#shared/http/route.ts'
import { idOf } from '#shared/payments/order-states.ts'
import { rolesOf } from '#shared/users/present-user.ts'
import type { OrderRoutesOptions } from './orders.ts'

/**
 * The order of the path, for whoever placed it or an admin.
 *
 * @throws Fault not_found for anybody else's, as for one that is not there
 */
export async function requireOrder(
  { database, requireUser }: Pick<OrderRoutesOptions, 'database' | 'requireUser'>,
  { request, params }: Pick<Call, 'request' | 'params'>,
  signal: AbortSignal,
): Promise<{ readonly order: OrderRow; readonly isAdmin: boolean }> {
  const { user } = await requireUser(request, signal)
  const isAdmin = rolesOf(user).includes('admin')
  const id = idOf(params['no'] ?? '')
  const order = id === undefined ? undefined : await findOrder(await database.sql(), id, signal)
  if (order === undefined || (order.user_id !== user.id && !isAdmin)) throw new Fault('not_found')
  return { order, isAdmin }
}
