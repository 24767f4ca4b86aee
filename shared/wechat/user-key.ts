import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { Fault } from '#shared/errors.ts'
import type { StateStore } from '#shared/state/store.ts'
import type { WechatAccount } from './call-api.ts'
import { inTime } from './in-time.ts'
import { sealedText } from './sealed-text.ts'
import type { SessionKeyCalls, UserEncryptKey } from './session-key.ts'
import { singleFlight } from '#shared/single-flight.ts'

/**
 * The 16 bytes of a user's key of this version, as `wx.getUserCryptoManager()` gives it to the client; undefined when
 * WeChat has none.
 *
 * @throws Fault `unauthenticated` when the session_key is no longer valid
 */
export type ReadUserKey = (
  openid: string,
  sessionKey: string,
  version: number,
  signal: AbortSignal,
) => Promise<Uint8Array | undefined>

const MAX_KEPT_MS = 3_600_000
/** A version that WeChat doesn't list is not asked for again during this time. */
const MISS_MS = 10_000
const MISS = 'none'
/** Versions are the client's to name: what one user can make us ask WeChat. */
const ASKED = { burst: 3, intervalMs: 10_000 }

type Wanted = Readonly<Record<'openid' | 'sessionKey', string>> & { readonly version: number }

/**
 * Keeps the keys in the state store, sealed by the app secret, until WeChat lets them expire. Without the state store
 * each call asks WeChat.
 */
export function userKey(
  { appId, secret, clock, logger, timeoutMs }: WechatAccount,
  state: StateStore,
  userEncryptKeys: SessionKeyCalls['userEncryptKeys'],
): ReadUserKey {
  const flightMs = timeoutMs + 1_000
  const join = singleFlight<Uint8Array | undefined>({ timeoutMs: flightMs, clock })

  async function load(wanted: Wanted, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const tag = tagOf(appId, wanted.openid)
    try {
      const kept = await state.get(`${tag}:${wanted.version}`, signal)
      if (kept === MISS) return undefined
      const key = kept === undefined ? undefined : open(tag, wanted.version, kept)
      if (key !== undefined) return key
      const { consumptions } = await state.consume({ limits: [{ key: `${tag}:asked`, ...ASKED }] }, signal)
      if (consumptions.some(({ allowed }) => !allowed)) return undefined
    } catch (error) {
      if (!(error instanceof Fault && error.error === 'unavailable')) throw error
      logger.warn('wechat.state_unavailable', { use: 'user key', cause: error })
      return keyOf(await ask(wanted, signal), wanted.version)
    }
    const keys = await ask(wanted, signal)
    await keep(tag, keys, wanted.version, signal)
    return keyOf(keys, wanted.version)
  }

  function ask({ openid, sessionKey }: Wanted, signal: AbortSignal): Promise<readonly UserEncryptKey[]> {
    return userEncryptKeys(openid, sessionKey, signal)
  }

  async function keep(
    tag: string,
    keys: readonly UserEncryptKey[],
    wanted: number,
    signal: AbortSignal,
  ): Promise<void> {
    const found = keys
      .filter(({ expiresInS }) => expiresInS > 0)
      .map(({ key, version, expiresInS }) => {
        const ttlMs = Math.min(MAX_KEPT_MS, expiresInS * 1_000)
        const text = JSON.stringify({ key, until: clock() + ttlMs } satisfies Kept)
        return { version, value: box(tag, version).seal(text), ttlMs }
      })
    const missed = found.some(({ version }) => version === wanted)
      ? []
      : [{ version: wanted, value: MISS, ttlMs: MISS_MS }]
    try {
      for (const { version, value, ttlMs } of [...found, ...missed])
        await state.set(`${tag}:${version}`, value, { ttlMs }, signal)
    } catch {
      // What is not kept is asked for again.
    }
  }

  function open(tag: string, version: number, sealed: string): Uint8Array | undefined {
    const text = box(tag, version).open(sealed)
    if (text === undefined) return undefined
    const { key, until } = JSON.parse(text) as Kept // sealed under our own secret, so its shape is ours
    return until > clock() ? Buffer.from(key, 'base64') : undefined
  }

  /** A key sealed for one user and version opens for no other. */
  function box(tag: string, version: number) {
    return sealedText(secret.reveal(), `wechat.user-key:${tag}:${version}`)
  }

  return (openid, sessionKey, version, signal) =>
    join(
      `${openid}:${version}`,
      (flight) => inTime(load({ openid, sessionKey, version }, flight), flight),
      signal,
    )
}

interface Kept {
  /** In base64. */
  readonly key: string
  readonly until: number
}

function keyOf(keys: readonly UserEncryptKey[], wanted: number): Uint8Array | undefined {
  const found = keys.find(({ version, expiresInS }) => version === wanted && expiresInS > 0)
  return found === undefined ? undefined : Buffer.from(found.key, 'base64')
}

/** Names a user in the state store without the openid, which many may read there. */
function tagOf(appId: string, openid: string): string {
  return `{wxk:${createHash('sha256').update(`${appId}\n${openid}`).digest('base64url')}}`
}
