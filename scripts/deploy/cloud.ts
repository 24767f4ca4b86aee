import type { DesiredFunction } from './desired-state.ts'

/** The alias that URLs and timers lead to. */
export const LIVE = 'live'

/** Where an alias leads. */
export interface Pointed {
  readonly version: string
  /** A share of the calls, above 0 and below 1, that goes to another version. */
  readonly canary?: { readonly version: string; readonly share: number }
  /** What it led to before the last switch. */
  readonly previous?: string
}

export interface Version {
  readonly version: string
  readonly description: string
}

/** What runs under a function's name at this moment. */
export interface Running {
  readonly status: 'active' | 'changing' | 'failed'
  /** Why it failed, in the platform's words. */
  readonly reason: string
  readonly image: string
  readonly memoryMb: number
  readonly timeoutS: number
  readonly concurrency: number
  readonly environment: Readonly<Record<string, string>>
  /** Newest first. */
  readonly versions: readonly Version[]
  readonly live?: Pointed
}

export interface Url {
  readonly trigger: string
  readonly qualifier: string
}

/** What a cloud does for the deploy tool. All calls are by function name; a failure is an Error to be shown as it is. */
export interface DeployCloud {
  readonly title: string
  /** What a timer sends, as JSON: the event that a function is tried with. */
  readonly timerEvent: string
  /** Names that begin with `prefix`. */
  list(prefix: string): Promise<readonly string[]>
  find(name: string): Promise<Running | undefined>
  create(desired: DesiredFunction): Promise<void>
  /** Changes the unpublished revision; `environment` is all of it, foreign names included. */
  update(desired: DesiredFunction, environment: Readonly<Record<string, string>>): Promise<void>
  publish(name: string, description: string): Promise<string>
  removeVersion(name: string, version: string): Promise<void>
  /** Makes the alias or moves it. */
  point(name: string, to: Pointed, exists: boolean): Promise<void>
  /** Makes the http trigger unless it is there; answers its URL. */
  url(name: string, url: Url): Promise<string>
  removeTrigger(name: string, trigger: string): Promise<void>
  /** Makes or mends the timer on the live alias. */
  timer(name: string, timer: { readonly name: string; readonly everyS: number }): Promise<void>
  /** Sends an event. */
  invoke(name: string, qualifier: string, event: string): Promise<Invoked>
  /** The last lines, oldest first. */
  logs(name: string): Promise<readonly string[]>
  remove(name: string): Promise<void>
}

export interface Invoked {
  readonly ok: boolean
  readonly body: string
  readonly log: string
}
