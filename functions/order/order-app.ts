import { type BackendOptions, createBackend } from '#shared/backend/create-backend.ts'
import { createRequireAdmin, createRequireUser } from '#shared/backend/current-user.ts'
import type { HttpApp } from '#shared/http/create-app.ts'
import type { Tell } from '#shared/payments/apply-payment.ts'
import type { PaymentProvider } from '#shared/payments/provider.ts'
import { deadLetterRoutes } from './dead-letters.ts'
import { orderRoutes } from './orders.ts'

export interface OrderOptions extends BackendOptions {
  readonly provider: PaymentProvider
  readonly tell: Tell
  readonly refundsBy: 'owner' | 'admin'
  /** How long a notification may take until the provider is asked; a minute unless given. */
  readonly pollAfterMs?: number
  /** Delivers what is due. */
  readonly deliver: (signal: AbortSignal) => Promise<unknown>
}

/** The order function over its ports. */
export function createOrderApp(options: OrderOptions): HttpApp {
  const backend = createBackend(options)
  const requireUser = createRequireUser(backend.sessions, options.database)
  const parts = { ...options, requireUser, requireAdmin: createRequireAdmin(requireUser) }
  return backend.app('order', [...orderRoutes(parts), ...deadLetterRoutes(parts)])
}
