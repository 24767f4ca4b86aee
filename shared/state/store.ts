/** A little below the 200 ms that the port promises. */
export const OPERATION_MS = 190

/**
 * What is short-lived and shared between instances: revocations, locks, nonces, cached tokens, rate-limit cells.
 * It may be lost at any time; each use states what happens then. Every operation fails with the fault
 * `unavailable` within 200 ms when the store is down; where the store is the database, a write within 2 s.
 */
export interface StateStore {
  get(key: string, signal: AbortSignal): Promise<string | undefined>
  /** Values in the order of `keys`. One round trip when the keys share a hash tag, as `{u:42}:ep` and `{u:42}:s:7`. */
  getMany(keys: readonly string[], signal: AbortSignal): Promise<readonly (string | undefined)[]>
  /** Whether it was stored: with `ifAbsent`, false when an unexpired value stands there. */
  set(key: string, value: string, options: SetOptions, signal: AbortSignal): Promise<boolean>
  /** Whether something was deleted: with `ifValue`, only while the stored value is exactly that. */
  delete(key: string, options: DeleteOptions, signal: AbortSignal): Promise<boolean>
  /**
   * Takes `cost` from every limit or, when any one would be exceeded, from none, and reads further keys on the way.
   * Atomic within a hash tag; across tags of a cluster it never grants too much, but calls at the same time may for a
   * moment see units as taken that are about to be given back.
   */
  consume(request: ConsumeRequest, signal: AbortSignal): Promise<ConsumeAnswer>
  close(): Promise<void>
}

export interface SetOptions {
  readonly ttlMs: number
  readonly ifAbsent?: boolean
}

export interface DeleteOptions {
  readonly ifValue?: string
}

export interface ConsumeRequest {
  /** At least one, each key once. */
  readonly limits: readonly Limit[]
  /** Keys read in the same round trip, on a cluster where they share a hash tag with a limit. */
  readonly alsoGet?: readonly string[]
}

export interface ConsumeAnswer {
  /** In the order of the limits. */
  readonly consumptions: readonly Consumption[]
  /** In the order of `alsoGet`. */
  readonly values: readonly (string | undefined)[]
}

export type Limit = TokenBucket | Window
export type LimitKind = NonNullable<Limit['kind']>

interface Charge {
  readonly key: string
  /** Units taken; 1 unless given. 0 only looks, and is always allowed. */
  readonly cost?: number
}

/** A token bucket that holds `burst` and refills one unit every `intervalMs` (GCRA, so exact). */
export interface TokenBucket extends Charge {
  readonly kind?: 'token-bucket'
  readonly burst: number
  /** Milliseconds a unit; may be fractional. */
  readonly intervalMs: number
}

/**
 * At most `quota` units a window, which begins at a multiple of its length on the store's clock. A sliding window also
 * counts the window before, faded in proportion to the time since; a fixed one starts from nothing. One with a quota that
 * nobody reaches, up to 2 ** 40, is an exact counter: quota − remaining.
 */
export interface Window extends Charge {
  readonly kind: 'sliding-window' | 'fixed-window'
  readonly quota: number
  /** Up to twelve days. */
  readonly windowMs: number
}

export interface Consumption {
  /** Whether this limit allows the call; nothing was taken unless all of them do. */
  readonly allowed: boolean
  /** Units left after this call. */
  readonly remaining: number
  /**
   * Milliseconds until the same call would be allowed, if nobody else takes; 0 when it was. For a cost that the limit
   * can never grant, some time in which it is refused.
   */
  readonly retryAfterMs: number
  /** Milliseconds until the whole limit is available again. */
  readonly resetMs: number
}
