import type { GenericSchema, InferOutput } from 'valibot'
import type { Fault } from '#shared/errors.ts'
import type { Invocation } from './app.ts'

/** `ANY` is every method, those that no other route has included. Where no route has `HEAD`, that of `GET` serves it. */
export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH' | 'HEAD' | 'OPTIONS' | 'ANY'

/** What a handler gets: the request as sent, and its parts once parsed by the route's schemas. */
export interface Call<Body = unknown, Query = unknown> {
  readonly request: Request
  /** Values of the `{name}` segments, percent-decoded. */
  readonly params: Readonly<Record<string, string>>
  readonly query: Query
  readonly body: Body
  readonly invocation: Invocation
  /** Ends with the request's deadline, or when the instance stops. */
  readonly signal: AbortSignal
}

/** A handler's answer: `data` goes into the envelope. A `Response` is sent as it is. */
export interface Reply {
  /** 200 unless given; 204 has no body. */
  readonly status?: number
  readonly data?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Members beside `data` at the top of the envelope, for a format that fixes its own top level (JWKS). */
  readonly beside?: Readonly<Record<string, unknown>>
}

/** A call that was refused, by the route or by what stands before it. */
export interface Refusal extends Pick<Call, 'request' | 'params' | 'invocation'> {
  readonly fault: Fault
}

export interface RouteOptions<Body extends GenericSchema, Query extends GenericSchema> {
  readonly method: Method
  /** Path below the base path, with `{name}` for a segment. */
  readonly path: string
  readonly body?: Body
  /** An absent body then counts as `{}`. */
  readonly bodyOptional?: boolean
  readonly query?: Query
  /** Longest time until its answer begins, in ms, where that is not the app's; `Infinity` leaves it to the platform. */
  readonly timeoutMs?: number
  /** Hears of every refusal, whatever it was that refused. */
  readonly onRefusal?: (refusal: Refusal) => void
  readonly handle: (call: Call<InferOutput<Body>, InferOutput<Query>>) => Promise<Reply | Response>
}

/** A route with its types erased, as the router holds it. */
export interface Route extends Omit<RouteOptions<GenericSchema, GenericSchema>, 'handle'> {
  readonly handle: (call: Call) => Promise<Reply | Response>
}

/** `METHOD /path`: what tables about routes name them by. */
export function routeName({ method, path }: Pick<Route, 'method' | 'path'>): string {
  return `${method} ${path}`
}

/** Declares a route; `handle` sees body and query as the schemas give them. */
export function route<
  Body extends GenericSchema = GenericSchema,
  Query extends GenericSchema = GenericSchema,
>(options: RouteOptions<Body, Query>): Route {
  // The router parses body and query by these very schemas before it calls `handle`.
  return options
}
