import { Fault } from '#shared/errors.ts'
import { array, nonEmpty, number, object, pipe, string, unknown } from 'valibot'
import type { TokenCaller } from './call-with-token.ts'
import type { WechatSession } from './jscode2session.ts'
import { sessionSignature } from './session-signature.ts'
import { WechatError } from './wechat-error.ts'

/** A key that the client gets by `getUserCryptoManager().getLatestUserKey()`. */
export interface UserEncryptKey {
  /** 16 bytes in base64. */
  readonly key: string
  /** 16 hex characters, used as text. */
  readonly iv: string
  readonly version: number
  readonly expiresInS: number
  /** Seconds since the epoch. */
  readonly createdAtS: number
}

type BySession<T> = (openid: string, sessionKey: string, signal: AbortSignal) => Promise<T>

/** What WeChat says and does about a user's session_key. */
export interface SessionKeyCalls {
  /** Whether `sessionKey` is still the user's current one. */
  readonly checkSession: BySession<boolean>
  /** Replaces the session_key; its expiry stays. @throws Fault unauthenticated when the old one is no longer valid */
  readonly resetSessionKey: BySession<WechatSession>
  /** The latest three keys. @throws Fault unauthenticated when the session_key is no longer valid */
  readonly userEncryptKeys: BySession<readonly UserEncryptKey[]>
}

const STALE: ReadonlySet<number> = new Set([87007, 87008, 87009])
const Reset = object({ openid: string(), session_key: pipe(string(), nonEmpty()) })
const Keys = object({
  key_info_list: array(
    object({
      encrypt_key: string(),
      version: number(),
      expire_in: number(),
      iv: string(),
      create_time: number(),
    }),
  ),
})

/** Calls that are signed with the session_key, which is itself never sent. */
export function sessionKeyCalls(call: TokenCaller): SessionKeyCalls {
  async function checkSession(openid: string, sessionKey: string, signal: AbortSignal): Promise<boolean> {
    try {
      await call({ ...signed('/wxa/checksession', openid, sessionKey), answer: unknown() }, signal)
      return true
    } catch (error) {
      if (isStale(error)) return false
      throw error
    }
  }

  async function resetSessionKey(
    openid: string,
    sessionKey: string,
    signal: AbortSignal,
  ): Promise<WechatSession> {
    const reset = signed('/wxa/resetusersessionkey', openid, sessionKey)
    const answer = await call({ ...reset, delivery: 'once', answer: Reset }, signal)
    return { openid: answer.openid, sessionKey: answer.session_key }
  }

  async function userEncryptKeys(openid: string, sessionKey: string, signal: AbortSignal) {
    const answer = await call(
      { ...signed('/wxa/business/getuserencryptkey', openid, sessionKey), answer: Keys },
      signal,
    )
    return answer.key_info_list.map((info) => ({
      key: info.encrypt_key,
      iv: info.iv,
      version: info.version,
      expiresInS: info.expire_in,
      createdAtS: info.create_time,
    }))
  }

  return { checkSession, resetSessionKey, userEncryptKeys }
}

function signed(path: string, openid: string, sessionKey: string) {
  const signature = sessionSignature(sessionKey)
  return {
    method: 'GET',
    path,
    query: { openid, signature, sig_method: 'hmac_sha256' },
    delivery: 'repeatable',
  } as const
}

function isStale(error: unknown): boolean {
  return error instanceof Fault && error.cause instanceof WechatError && STALE.has(error.cause.errcode)
}
