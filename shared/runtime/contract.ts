import type { CloudEvent, Platform } from '#shared/http/app.ts'

/** What one platform says about a call, read from headers that only it can set. */
export interface Call {
  readonly requestId: string
  readonly clientIp: string
  /** Milliseconds the platform allows for the call. */
  readonly timeoutMs: number
}

export type Hook = 'initialize' | 'pre-stop' | 'event'

/** How a platform speaks to a process: one table row per platform; the instance never asks for its name. */
export interface Contract {
  readonly platform: Platform
  call(headers: Headers, peer: string): Call
  /** The hook a request is for, or undefined when it is a client's own. */
  hook(method: string, path: string, headers: Headers): Hook | undefined
  /** What the platform tells, as CloudEvents; `payload` is the body, parsed where it is JSON. */
  events(payload: unknown, call: Call, headers: Headers): readonly CloudEvent[]
  /** Whether no client can send what looks like an event: then a function without events takes requests by them. */
  readonly vouchesForEvents: boolean
  /** The answer that tells the platform to retry an event. */
  eventFailed(): Response
  /** Lines the platform wants on standard output around a piece of work, or none. */
  markers(work: Hook | 'request', requestId: string): Markers | undefined
  /** Whether the process may be frozen as soon as an answer is sent. */
  readonly freezes: boolean
}

export interface Markers {
  readonly start: string
  readonly end: string
  readonly failed: string
}

/** A header as a whole number of `unitMs`, in milliseconds; `fallbackMs` when it is absent or odd. */
export function durationHeader(headers: Headers, name: string, unitMs: number, fallbackMs: number): number {
  const value = Number(headers.get(name) ?? Number.NaN)
  return Number.isFinite(value) && value > 0 ? value * unitMs : fallbackMs
}

/** `payload` as an object whose fields may be read, empty when it is none. */
export function fields(payload: unknown): Readonly<Record<string, unknown>> {
  return typeof payload === 'object' && payload !== null ? { ...payload } : {}
}

/** The platform's request id; one of our own where there is none, or none that belongs in a header and a log. */
export function requestIdHeader(headers: Headers, name: string): string {
  const id = headers.get(name) ?? ''
  return /^[\w.:-]{1,128}$/.test(id) ? id : crypto.randomUUID()
}
