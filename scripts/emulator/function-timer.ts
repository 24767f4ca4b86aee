import type { FunctionSpec } from '#scripts/functions.ts'
import { BuildFailed } from './bundler.ts'
import type { Cloud } from './cloud.ts'
import { CloudFailure } from './cloud-failure.ts'
import type { SendEvent } from './event-sender.ts'

export interface FunctionTimerOptions {
  readonly spec: FunctionSpec
  readonly cloud: Cloud
  readonly clock: () => number
  readonly note: (text: string) => void
  readonly send: SendEvent
}

/** What came of it: the function's status, or the cloud's where the function did not answer. */
export interface Fired {
  readonly status: number
  readonly tookMs: number
}

/** Sends a function its timer's event. */
export interface FunctionTimer {
  /** Does so now; `running` when the last one is still being worked on. A failure is noted. @throws TypeError where there is no timer */
  fire(): Promise<Fired | 'running'>
}

export function createFunctionTimer(options: FunctionTimerOptions): FunctionTimer {
  const { spec, cloud, clock, note, send } = options
  let isRunning = false

  async function fire(): Promise<Fired | 'running'> {
    if (spec.timer === undefined) throw new TypeError(`${spec.name} has no timer`)
    if (isRunning) return 'running'
    isRunning = true
    const from = performance.now()
    try {
      const status = await settled(spec.timer.name)
      return { status, tookMs: Math.round(performance.now() - from) }
    } finally {
      isRunning = false
    }
  }

  /** The status, with a word at the terminal where it is none of success. */
  async function settled(name: string): Promise<number> {
    const requestId = cloud.requestId(clock())
    const time = new Date(clock()).toISOString().replace(/\.\d+/, '')
    try {
      const event = cloud.timerEvent(spec, { requestId, name, time })
      const { status } = await send({ ...event, body: Buffer.from(JSON.stringify(event.body)) })
      if (status !== 200) failed(String(status))
      return status
    } catch (error) {
      if (error instanceof BuildFailed) return 500 // it has been shown
      failed(error instanceof CloudFailure ? error.failure : String(error))
      if (!(error instanceof CloudFailure)) return 500
      return cloud.failure(error.failure, { requestId, spec, port: error.port }).status
    }
  }

  function failed(why: string): void {
    note(`${spec.name}: its timer's event failed (${why})`)
  }

  return { fire }
}
