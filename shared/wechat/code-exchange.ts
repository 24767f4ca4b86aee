import { createHash, randomUUID } from 'node:crypto'
import { sleep } from '#shared/deadline.ts'
import { type ErrorName, ERROR_NAMES, Fault } from '#shared/errors.ts'
import { neverSent } from '#shared/outbound/call-error.ts'
import type { StateStore } from '#shared/state/store.ts'
import type { WechatAccount } from './call-api.ts'
import { inTime } from './in-time.ts'
import { jscode2session, type WechatSession } from './jscode2session.ts'
import { sealedText } from './sealed-text.ts'
import { singleFlight } from '#shared/single-flight.ts'

/** Turns a code of `wx.login` into the user's session, once, however many ask at the same time. */
export type CodeExchange = (code: string, signal: AbortSignal) => Promise<WechatSession>

type Outcome =
  | { readonly session: WechatSession }
  | { readonly error: ErrorName; readonly retryAfterS?: number }

/** How long the result of a code is shared, and how long a claim stands when its holder dies. */
const SHARED_MS = 10_000
/** A failure is only for those who wait now: a client that tries again deliberately gets WeChat's own word. */
const FAILURE_SHARED_MS = 1_000
const PUBLISH_TIMEOUT_MS = 300
const POLL_FIRST_MS = 20
const POLL_MAX_MS = 160
const CODE = /^[\x21-\x7e]{1,256}$/
const HELD = 'held:'

/**
 * A mini-program that starts often logs in several times with one code, and the second exchange fails with 40163.
 * So identical codes are collapsed: in the instance by joining, across instances by a claim in the state store. A
 * code that was sent is never sent again. Without the state store only the instance's own requests are collapsed.
 */
export function codeExchange(account: WechatAccount, state: StateStore): CodeExchange {
  const join = singleFlight<WechatSession>({ timeoutMs: account.timeoutMs + 1_000, clock: account.clock })

  return async (code, signal) => {
    if (!CODE.test(code)) throw new Fault('login_code_invalid')
    return join(code, (flight) => inTime(settle(code, flight), flight), signal)
  }

  async function settle(code: string, signal: AbortSignal): Promise<WechatSession> {
    const slot = codeSlot(account.appId, code)
    const claim = `${HELD}${randomUUID()}`
    const claimed = await tryClaim(slot.key, claim, signal)
    if (claimed === 'theirs') return awaitOutcome(slot, signal)
    try {
      const session = await jscode2session(account, code, signal)
      if (claimed === 'ours') await publish(slot.key, slot.seal({ session }), SHARED_MS)
      return session
    } catch (error) {
      if (claimed === 'ours')
        await (neverSent(error)
          ? release(slot.key, claim)
          : publish(slot.key, slot.seal(failed(error)), FAILURE_SHARED_MS))
      throw error
    }
  }

  async function tryClaim(
    key: string,
    claim: string,
    signal: AbortSignal,
  ): Promise<'ours' | 'theirs' | 'unknown'> {
    try {
      return (await state.set(key, claim, { ttlMs: SHARED_MS, ifAbsent: true }, signal)) ? 'ours' : 'theirs'
    } catch (error) {
      signal.throwIfAborted()
      account.logger.warn('wechat.state_unavailable', { use: 'login code', cause: error })
      return 'unknown'
    }
  }

  /** Waits for the instance that claimed the code. When it vanishes the code may be used up, so nobody tries again. */
  async function awaitOutcome(slot: CodeSlot, signal: AbortSignal): Promise<WechatSession> {
    for (let waitMs = POLL_FIRST_MS; ; waitMs = Math.min(waitMs * 2, POLL_MAX_MS)) {
      const value = await state.get(slot.key, signal)
      if (value === undefined)
        throw new Fault('upstream_failed', { cause: new Error('The login code was released') })
      if (!value.startsWith(HELD)) return outcomeOf(slot.open(value))
      await sleep(waitMs, signal)
    }
  }

  async function publish(key: string, value: string, ttlMs: number): Promise<void> {
    try {
      await state.set(key, value, { ttlMs }, AbortSignal.timeout(PUBLISH_TIMEOUT_MS))
    } catch {
      // Only those who wait elsewhere lose: they time out and log in again.
    }
  }

  async function release(key: string, claim: string): Promise<void> {
    try {
      await state.delete(key, { ifValue: claim }, AbortSignal.timeout(PUBLISH_TIMEOUT_MS))
    } catch {
      // The claim ends by itself.
    }
  }
}

interface CodeSlot {
  readonly key: string
  seal(outcome: Outcome): string
  open(sealed: string): string | undefined
}

/** Where a code's result is shared: named by its hash and readable only with the code itself. */
function codeSlot(appId: string, code: string): CodeSlot {
  const box = sealedText(code, `wechat.login-code:${appId}`)
  const hash = createHash('sha256').update(`${appId}\n${code}`).digest('hex')
  return {
    key: `wx:code:${hash}`,
    seal: (outcome) => box.seal(JSON.stringify(outcome)),
    open: (sealed) => box.open(sealed),
  }
}

function failed(error: unknown): Outcome {
  if (!(error instanceof Fault)) return { error: 'upstream_failed' }
  return {
    error: error.error,
    ...(error.retryAfterS === undefined ? {} : { retryAfterS: error.retryAfterS }),
  }
}

function outcomeOf(text: string | undefined): WechatSession {
  // Sealed by this same code, so its shape is ours; anything else did not open.
  const outcome = text === undefined ? undefined : (JSON.parse(text) as Outcome)
  if (outcome === undefined)
    throw new Fault('upstream_failed', { cause: new Error('The shared login result does not open') })
  if ('session' in outcome) return outcome.session
  const { error, ...more } = outcome
  throw new Fault(ERROR_NAMES.includes(error) ? error : 'upstream_failed', more)
}
