import type { Session } from '#shared/tokens/session-guard.ts'

/** Who makes a call, as far as the request alone tells. */
export interface Caller {
  readonly ip: string
  /** What the client calls its device; empty when it says nothing. It is a claim, so no limit rests on it alone. */
  readonly device: string
  /** `METHOD /path` as in the route table. */
  readonly route: string
  readonly tenant: string
  /** Of a bearer token that verifies; whether it has ended is another question. */
  readonly session?: Session
  /** The session's user, or whom a login has just found out. */
  readonly userId?: string | undefined
  /** Whose key signed the request, where it is a partner's. */
  readonly partner?: string
}

/** A random id that a mini-program keeps in its storage. */
const DEVICE_HEADER = 'x-device-id'
const MAX_DEVICE_CHARS = 64

export function deviceOf(headers: Headers): string {
  const device = headers.get(DEVICE_HEADER) ?? ''
  return device.length <= MAX_DEVICE_CHARS ? device : ''
}
