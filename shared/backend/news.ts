import type { Read } from '#shared/config/read-env.ts'
import { deadline } from '#shared/deadline.ts'
import { drain } from '#shared/outbox/drain.ts'
import { drainTogether } from '#shared/outbox/drain-together.ts'
import type { Tell } from '#shared/payments/apply-payment.ts'
import { downstreamSettings, downstreamTargets, tellDownstream } from './downstream.ts'
import type { CallingPorts } from './open-backend.ts'
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
  /** Delivers what is due while somebody waits for an answer, so not for long. */
  readonly deliver: (signal: AbortSignal) => Promise<unknown>
  /** Delivers all that is due. */
  readonly drain: (signal: AbortSignal) => Promise<unknown>
}

/**
 * On platforms that freeze, callers get their answer when the work behind it is done; WeChat Pay waits for 5 s. What
 * takes longer goes on if it can, and comes again after its lease if not.
 */
const SOON_MS = 1_500

/** Everybody who is told by these settings. Nothing connects before it is used. */
export function openNews(settings: NewsSettings, backend: CallingPorts): News {
  const subscribers = openSubscribers(settings.subscribe, backend)
  const tells = [tellDownstream(settings, backend.clock), subscribers.tell]
  const targets = { ...downstreamTargets(settings, backend), ...subscribers.targets }
  const outbox = { ...backend, targets, schedule: { waitsS: settings.retryWaitsS } }
  const together = drainTogether(outbox)
  return {
    async tell(sql, news, signal) {
      for (const tell of tells) await tell(sql, news, signal)
    },
    async deliver(signal) {
      const soon = deadline(SOON_MS, signal)
      try {
        await together(soon.signal)
      } catch (error) {
        if (!soon.signal.aborted) throw error
      } finally {
        soon.end()
      }
    },
    drain: (signal) => drain(outbox, signal),
  }
}
