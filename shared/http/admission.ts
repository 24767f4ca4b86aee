import type { Fault } from '#shared/errors.ts'
import type { Invocation } from './app.ts'

/** A request for a known route, before its body is parsed and its handler called. */
export interface Arrival {
  /** `METHOD /path` as in the route table, such as `PUT /users/{id}`. */
  readonly route: string
  readonly request: Request
  readonly invocation: Invocation
  /** The raw body, read once however often it is asked for. @throws Fault `payload_too_large` */
  readonly body: () => Promise<Uint8Array>
  /** Ends with the request's deadline. */
  readonly signal: AbortSignal
}

/** Whether a request may go on, and what its answer carries either way. */
export interface Admission {
  readonly headers: Readonly<Record<string, string>>
  readonly refusal?: Fault
}

/** What stands before every route of a function: signatures, limits, risk rules. */
export type Admit = (arrival: Arrival) => Promise<Admission>
