import { randomUUID } from 'node:crypto'
import { sleep } from '#shared/deadline.ts'
import { type ErrorName, ERROR_NAMES, Fault } from '#shared/errors.ts'
import type { StateStore } from '#shared/state/store.ts'
import type { WechatAccount } from './call-api.ts'
import { inTime } from './in-time.ts'
import { type SealedText, sealedText } from './sealed-text.ts'
import { singleFlight } from '#shared/single-flight.ts'
import { type IssuedToken, stableToken } from './stable-token.ts'

/** The mini-program's access token, shared by all instances. */
export interface AccessToken {
  /** A token that should work. */
  get(signal: AbortSignal): Promise<string>
  /** Forgets `rejected` everywhere, unless it has been replaced already. */
  drop(rejected: string, signal: AbortSignal): Promise<void>
}

/** WeChat replaces a token in its last 5 minutes. */
const RENEWAL_S = 300
const MIN_SHARED_S = 60
/** How long an instance trusts its copy without looking: what a token revoked elsewhere may survive here. */
const LOCAL_MS = 60_000
const CLEAN_UP_TIMEOUT_MS = 300
/** How long a failure stands for everyone who waits, so that they don't repeat it one after another. */
const FAILURE_MS = 1_000
const POLL_FIRST_MS = 25
const POLL_MAX_MS = 200
const FAILED = 'failed:'

/**
 * Keeps the token in the state store, sealed by the app secret, and lets one instance fetch it while the others wait.
 * A holder that dies loses the lock by its age. Without the state store each instance fetches for itself, which
 * stable_token makes harmless.
 */
export function accessToken(account: WechatAccount, state: StateStore): AccessToken {
  const { appId, secret, clock, logger, timeoutMs } = account
  const lockMs = timeoutMs + 1_000
  const join = singleFlight<string>({ timeoutMs: lockMs + timeoutMs + 1_000, clock })
  // One hash tag, so that both are read in one round trip.
  const keys = { token: `{wx:${appId}}:token`, lock: `{wx:${appId}}:token-lock` }
  const box = lazily(() => sealedText(secret.reveal(), `wechat.access-token:${appId}`))
  let local: { readonly token: string; readonly until: number } | undefined

  async function get(signal: AbortSignal): Promise<string> {
    if (local !== undefined && local.until > clock()) return local.token
    return join('token', (flight) => inTime(load(flight), flight), signal)
  }

  async function load(signal: AbortSignal): Promise<string> {
    const lock = `held:${randomUUID()}`
    try {
      return (await readOrLock(lock, signal)) ?? (await fetchLocked(lock, signal))
    } catch (error) {
      if (!(error instanceof Fault && error.error === 'unavailable')) throw error
      logger.warn('wechat.state_unavailable', { use: 'access token', cause: error })
      return remember(await stableToken(account, signal)).token
    }
  }

  /** The shared token, waited for if need be; undefined once it is ours to fetch. */
  async function readOrLock(lock: string, signal: AbortSignal): Promise<string | undefined> {
    for (let waitMs = POLL_FIRST_MS; ; waitMs = Math.min(waitMs * 2, POLL_MAX_MS)) {
      const [sealed, holder] = await state.getMany([keys.token, keys.lock], signal)
      const shared = readShared(box(), sealed)
      if (shared !== undefined) return remember(shared).token
      if (holder?.startsWith(FAILED) === true) throw sharedFailure(holder)
      if (holder === lock) return undefined
      // Look once more after locking: the token may have been stored since we looked.
      if (
        holder === undefined &&
        (await state.set(keys.lock, lock, { ttlMs: lockMs, ifAbsent: true }, signal))
      )
        continue
      await sleep(waitMs * (0.5 + Math.random()), signal)
    }
  }

  async function fetchLocked(lock: string, signal: AbortSignal): Promise<string> {
    try {
      const issued = await stableToken(account, signal)
      await share(issued)
      await afterwards((limit) => state.delete(keys.lock, { ifValue: lock }, limit))
      return remember(issued).token
    } catch (error) {
      const failure = `${FAILED}${error instanceof Fault ? error.error : 'upstream_failed'}`
      await afterwards((limit) => state.set(keys.lock, failure, { ttlMs: FAILURE_MS }, limit))
      throw error
    }
  }

  async function share({ token, expiresInS }: IssuedToken): Promise<void> {
    const sharedS = Math.min(expiresInS, Math.max(MIN_SHARED_S, expiresInS - RENEWAL_S))
    await afterwards((limit) =>
      state.set(
        keys.token,
        box().seal(JSON.stringify({ token, expiresInS })),
        { ttlMs: sharedS * 1_000 },
        limit,
      ),
    )
  }

  function remember<T extends IssuedToken>(issued: T): T {
    local = { token: issued.token, until: clock() + Math.min(LOCAL_MS, issued.expiresInS * 1_000) }
    return issued
  }

  async function drop(rejected: string, signal: AbortSignal): Promise<void> {
    if (local?.token === rejected) local = undefined
    try {
      const sealed = await state.get(keys.token, signal)
      if (sealed === undefined || readShared(box(), sealed)?.token !== rejected) return
      await state.delete(keys.token, { ifValue: sealed }, signal)
    } catch (error) {
      signal.throwIfAborted()
      logger.warn('wechat.state_unavailable', { use: 'rejected access token', cause: error })
    }
  }

  return { get, drop }
}

/** Tells the others within a limit of its own: the flight's may be over, and we have what we need either way. */
async function afterwards(work: (limit: AbortSignal) => Promise<unknown>): Promise<void> {
  try {
    await work(AbortSignal.timeout(CLEAN_UP_TIMEOUT_MS))
  } catch {
    // A lock or failure left behind ends by its age; a token not shared is fetched again.
  }
}

function readShared(box: SealedText, sealed: string | undefined): IssuedToken | undefined {
  const text = sealed === undefined ? undefined : box.open(sealed)
  // Sealed under our own secret, so its shape is ours.
  return text === undefined ? undefined : (JSON.parse(text) as IssuedToken)
}

function sharedFailure(holder: string): Fault {
  const error =
    ERROR_NAMES.find((name: ErrorName) => name === holder.slice(FAILED.length)) ?? 'upstream_failed'
  return new Fault(error, { cause: new Error('Another instance could not fetch the access token') })
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}
