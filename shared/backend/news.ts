import type { Read } from '#shared/config/read-env.ts'
import type { Outbound } from '#shared/outbound/outbound.ts'
import { drainTogether } from '#shared/outbox/drain-together.ts'
import type { Tell } from '#shared/payments/apply-payment.ts'
import { downstreamSettings, downstreamTargets, tellDownstream } from './downstream.ts'
import type { openBackend } from './open-backend.ts'
import { openSubscribers } from './subscribe-target.ts'
import { subscribeSettings } from './subscribe-templates.ts'

/** What functions of which others hear read besides. */
export function newsSettings(read: Read) {
  return { ...downstreamSettings(read), subscribe: subscribeSettings(read) }
}

export type NewsSettings = ReturnType<typeof newsSettings>

/** Keeps what others are to be told, and delivers it. */
export interface News {
  readonly tell: Tell
  /** Delivers what is due. */
  readonly deliver: (signal: AbortSignal) => Promise<unknown>
}

/** Everybody who is told by these settings. Nothing connects before it is used. */
export function openNews(
  settings: NewsSettings,
  backend: ReturnType<typeof openBackend> & { readonly outbound: Outbound },
): News {
  const subscribers = openSubscribers(settings.subscribe, backend)
  const tells = [tellDownstream(settings, backend.clock), subscribers.tell]
  const targets = { ...downstreamTargets(settings, backend), ...subscribers.targets }
  const outbox = { ...backend, targets, schedule: { waitsS: settings.retryWaitsS } }
  return {
    async tell(sql, news, signal) {
      for (const tell of tells) await tell(sql, news, signal)
    },
    deliver: drainTogether(outbox),
  }
}
