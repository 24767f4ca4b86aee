import type { FunctionSpec } from '#scripts/functions.ts'

/** What can go wrong with a call before or instead of the function's own answer. */
export type Failure =
  | 'not_started'
  | 'port_closed'
  | 'crashed'
  | 'timeout'
  | 'busy'
  | 'request_too_large'
  | 'request_headers_too_large'
  | 'target_too_long'
  | 'response_too_large'
  | 'response_headers_too_large'

export interface FailureFacts {
  readonly requestId: string
  readonly spec: FunctionSpec
  readonly port: number
}

/** A platform's own answer, in its own shape. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface CallFacts {
  readonly requestId: string
  readonly clientIp: string
  /** 0 at first, 1 when the platform repeats a call whose process died. */
  readonly retries: number
}

export interface TimerFacts {
  readonly requestId: string
  /** The trigger's. */
  readonly name: string
  /** RFC 3339, in UTC. */
  readonly time: string
}

/** A POST that brings an event. */
export interface EventCall {
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
}

/** How one of the two clouds treats a function and its callers. All knowledge is in the two tables of this type. */
export interface Cloud {
  readonly name: 'fc' | 'scf'
  readonly limits: {
    readonly requestBodyBytes: number
    readonly requestHeaderBytes: number
    readonly targetBytes: number
    readonly responseBodyBytes: number
    readonly responseHeaderBytes: number
    /** Milliseconds in which a process must accept connections. */
    readonly startMs: number
  }
  /** Methods that are repeated on a new process when the first one died. */
  readonly retried: ReadonlySet<string>
  /** Headers that neither a client nor a function can send through. */
  readonly reservedRequestHeader: RegExp
  readonly reservedResponseHeader: RegExp
  /** Whether `/initialize` and `/pre-stop` are called. */
  readonly hooks: boolean
  requestId(nowMs: number): string
  env(spec: FunctionSpec, port: number, instanceId: string): Readonly<Record<string, string>>
  requestHeaders(spec: FunctionSpec, call: CallFacts): Readonly<Record<string, string>>
  /** Headers of a hook's request. */
  hookHeaders(spec: FunctionSpec, requestId: string, path: string): Readonly<Record<string, string>>
  /** How a timer's event arrives. */
  timerEvent(spec: FunctionSpec, timer: TimerFacts): EventCall
  responseHeaders(requestId: string): Readonly<Record<string, string>>
  failure(failure: Failure, facts: FailureFacts): Answer
}
