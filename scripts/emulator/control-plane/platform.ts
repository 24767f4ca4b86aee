import type { Cloud } from '#scripts/emulator/cloud.ts'
import type { ApiCall, Credentials } from './api-call.ts'
import type { ApiRefusal } from './api-refusal.ts'
import type { Deployments } from './deployments.ts'
import type { Runner } from './runner.ts'
import type { UrlListeners } from './url-listeners.ts'
import type { Fields, Trigger } from './world.ts'

/** What a function's configuration says about running it. */
export interface Running {
  readonly image: string
  readonly env: Readonly<Record<string, string>>
  readonly timeoutS: number
  readonly memoryMb: number
  readonly concurrency: number
}

export interface ApiAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** Bytes as they are, anything else as JSON; nothing where it is undefined. */
  readonly body?: unknown
}

/** What the calls of an API work on. */
export interface PlaneParts {
  readonly deployments: Deployments
  readonly runner: Runner
  /** Opens a listener for an http trigger of a function, on `port` where that is free. */
  readonly openUrl: UrlListeners['open']
  readonly closeUrl: UrlListeners['close']
}

/** How one of the two clouds speaks: signatures, calls, answers and names. */
export interface Platform {
  readonly cloud: Cloud
  /** What it calls the revision that is not published. */
  readonly latest: string
  running(fields: Fields): Running
  /** The revision's own variables and headers, in place of those of the latest one. */
  versionEnv(version: string): Readonly<Record<string, string>>
  versionHeaders(version: string): Readonly<Record<string, string>>
  /** What its cron expressions count from, in hours from UTC. */
  readonly zoneHours: number
  /** When a timer trigger fires; undefined for other triggers. */
  cronOf(trigger: Trigger): string | undefined
  verify(call: ApiCall, credentials: Credentials, nowMs: number): void
  /** The name of a call as the cloud's documentation has it. */
  actionOf(call: ApiCall): string
  answer(call: ApiCall, requestId: string, parts: PlaneParts): Promise<ApiAnswer>
  refusal(refusal: ApiRefusal, requestId: string, call: ApiCall): ApiAnswer
}
