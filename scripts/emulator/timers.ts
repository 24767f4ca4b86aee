import type { FunctionSpec } from '#scripts/functions.ts'
import type { FunctionService } from './function-service.ts'

/** The timers of a cloud, which tick until it stops. */
export interface Timers {
  stop(): Promise<void>
}

/** Fires each function's timer as often as its row says; a tick is left out while the last event is being worked on. */
export function startTimers(
  services: readonly Pick<FunctionService, 'spec' | 'fireTimer'>[],
  has: (spec: FunctionSpec) => boolean,
): Timers {
  const ticking = services.flatMap((service) => {
    const { spec } = service
    if (spec.timer === undefined) return []
    const tick = () => void (has(spec) && service.fireTimer())
    return [setInterval(tick, spec.timer.everyS * 1_000).unref()]
  })
  return { stop: async () => ticking.forEach((timer) => clearInterval(timer)) }
}
