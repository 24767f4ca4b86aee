import { afterAll, beforeEach } from '@jest/globals'
import { startWechat, type WechatStandIn } from '#scripts/emulator/wechat/start-wechat.ts'
import { Fault } from '#shared/errors.ts'
import { createOutbound } from '#shared/outbound/outbound.ts'
import { secret } from '#shared/secret.ts'
import type { StateStore } from '#shared/state/store.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { createWechat, type Wechat, type WechatOptions } from '#shared/wechat/wechat.ts'
import { memoryState, type MemoryState } from '#tests/fakes/memory-state.ts'

export const APP_ID = 'wx0123456789abcdef'
export const APP_SECRET = 'a-secret-of-the-stand-in'
export const START = Date.UTC(2026, 10, 23, 4, 0, 10)

/** WeChat and any number of instances of a function that share one state store. */
export interface Setting {
  now: number
  readonly standIn: WechatStandIn
  /** Another one for each test. */
  state: MemoryState
  /** Log lines of all instances. */
  readonly lines: string[]
  readonly instance: (options?: Partial<WechatOptions>) => Wechat
  readonly calls: (path: string) => number
}

export async function startSetting(): Promise<Setting> {
  const standIn = await startWechat({
    appId: APP_ID,
    secret: APP_SECRET,
    clock: () => setting.now,
    loginsPerMinute: 1_000,
  })
  const setting: Setting = {
    now: START,
    standIn,
    state: memoryState({ clock: () => setting.now }),
    lines: [],
    instance(options = {}) {
      const logger = createLogger({ level: 'debug', write: (line) => void setting.lines.push(line) })
      const clock = () => setting.now
      return createWechat({
        baseUrl: standIn.url,
        appId: APP_ID,
        secret: secret(APP_SECRET),
        outbound: createOutbound({ logger, clock }),
        state: setting.state,
        logger,
        clock,
        ...options,
      })
    },
    calls: (path) => standIn.control.calls()[path] ?? 0,
  }
  beforeEach(() => {
    setting.now = START
    setting.state = memoryState({ clock: () => setting.now })
    setting.lines.length = 0
    standIn.control.reset()
  })
  afterAll(() => standIn.stop())
  return setting
}

/** A store as seen by an instance that dies once `ends` says so: from then on nothing it does arrives. */
export function dyingState(state: StateStore, ends: () => boolean): StateStore {
  const alive = () => {
    if (ends()) throw new Fault('unavailable')
  }
  return {
    ...state,
    set: async (...args) => (alive(), state.set(...args)),
    delete: async (...args) => (alive(), state.delete(...args)),
  }
}

/** The URL of a port that nobody listens on. */
export async function closedUrl(): Promise<string> {
  const gone = await startWechat({ appId: APP_ID, secret: APP_SECRET })
  await gone.stop()
  return gone.url
}

/** The fault that `work` ends with. */
export async function faultOf(work: Promise<unknown>): Promise<Fault> {
  const outcome = await work.then(
    () => 'a result',
    (error: unknown) => error,
  )
  if (!(outcome instanceof Fault)) throw new TypeError(`No fault but ${String(outcome)}`)
  return outcome
}
