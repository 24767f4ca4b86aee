import { type BackendOptions, createBackend } from '#shared/backend/create-backend.ts'
import { createRequireUser } from '#shared/backend/current-user.ts'
import type { HttpApp } from '#shared/http/create-app.ts'
import type { PaymentProvider } from '#shared/payments/provider.ts'
import { orderRoutes } from './orders.ts'

export interface OrderOptions extends BackendOptions {
  readonly provider: PaymentProvider
  /** By which orders know it; `wechat-pay` unless given. */
  readonly providerName?: string
}

/** The order function over its ports. */
export function createOrderApp(options: OrderOptions): HttpApp {
  const backend = createBackend(options)
  const requireUser = createRequireUser(backend.sessions, options.database)
  return backend.app('order', [...orderRoutes({ ...options, requireUser })])
}
