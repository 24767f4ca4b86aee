/** A little below the 200 ms that the port promises. */
export const OPERATION_MS = 190

/**
 * What is short-lived and shared between instances: revocations, locks, nonces, cached tokens, rate-limit cells.
 * It may be lost at any time; each use states what happens then. Every operation fails with the fault
 * `unavailable` within 200 ms when the store is down.
 */
export interface StateStore {
  get(key: string, signal: AbortSignal): Promise<string | undefined>
  /** Values in the order of `keys`. One round trip when the keys share a hash tag, as `{u:42}:ep` and `{u:42}:s:7`. */
  getMany(keys: readonly string[], signal: AbortSignal): Promise<readonly (string | undefined)[]>
  /** Whether it was stored: with `ifAbsent`, false when an unexpired value stands there. */
  set(key: string, value: string, options: SetOptions, signal: AbortSignal): Promise<boolean>
  /** Whether something was deleted: with `ifValue`, only while the stored value is exactly that. */
  delete(key: string, options: DeleteOptions, signal: AbortSignal): Promise<boolean>
  /** Takes `cost` from every limit or, when any one would be exceeded, from none. Atomic within a hash tag. */
  consume(limits: readonly Limit[], signal: AbortSignal): Promise<readonly Consumption[]>
  close(): Promise<void>
}

export interface SetOptions {
  readonly ttlMs: number
  readonly ifAbsent?: boolean
}

export interface DeleteOptions {
  readonly ifValue?: string
}

/** A token bucket that holds `burst` and refills one unit every `intervalMs` (GCRA, so exact). */
export interface Limit {
  readonly key: string
  readonly burst: number
  /** Milliseconds a unit; may be fractional. */
  readonly intervalMs: number
  /** Units taken; 1 unless given. 0 only looks. */
  readonly cost?: number
}

export interface Consumption {
  readonly allowed: boolean
  /** Units left after this call. */
  readonly remaining: number
  /** Milliseconds until the same call would be allowed; 0 when it was. */
  readonly retryAfterMs: number
  /** Milliseconds until the bucket is full again. */
  readonly resetMs: number
}
