import type { Clock } from '#shared/clock.ts'
import { parseCron } from './cron.ts'
import type { Deployments } from './deployments.ts'
import type { Platform } from './platform.ts'
import type { Runner } from './runner.ts'
import type { Trigger } from './world.ts'

export interface PlaneTimersOptions {
  readonly platform: Platform
  readonly deployments: Deployments
  readonly runner: Runner
  readonly clock: Clock
}

/** Sends events of timer triggers when they are due; one whose last event is being worked on is left out. */
export function startPlaneTimers({ platform, deployments, runner, clock }: PlaneTimersOptions): {
  stop(): void
} {
  const running = new Set<string>()
  let lastS = Math.floor(clock() / 1_000)

  function tick(): void {
    const nowS = Math.floor(clock() / 1_000)
    if (nowS === lastS) return
    lastS = nowS
    for (const { name, triggers } of deployments.world.functions)
      for (const trigger of triggers) if (isDue(trigger, nowS * 1_000)) void fire(name, trigger, nowS * 1_000)
  }

  function isDue(trigger: Trigger, ms: number): boolean {
    const cron = platform.cronOf(trigger)
    return trigger.isEnabled && cron !== undefined && parseCron(cron, platform.zoneHours)(ms)
  }

  async function fire(name: string, trigger: Trigger, ms: number): Promise<void> {
    const key = `${name}/${trigger.name}`
    if (running.has(key)) return
    running.add(key)
    const time = new Date(ms).toISOString().replace(/\.\d+/, '')
    await runner
      .send(name, trigger.qualifier, (spec, cloud) => {
        const requestId = cloud.requestId(ms)
        const { target, headers, body } = cloud.timerEvent(spec, { requestId, name: trigger.name, time })
        return { target, headers, body: Buffer.from(JSON.stringify(body)) }
      })
      .catch(() => {}) // it is in the function's log
    running.delete(key)
  }

  const ticking = setInterval(tick, 250).unref()
  return { stop: () => clearInterval(ticking) }
}
