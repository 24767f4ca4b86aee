import * as v from 'valibot'
import type { Database } from '#shared/db/database.ts'
import { findSession } from '#shared/db/tables/sessions.ts'
import { Fault } from '#shared/errors.ts'
import type { Keyring } from '#shared/keyring.ts'
import type { Session } from '#shared/tokens/session-guard.ts'
import { unsealWechatKey } from '#shared/tokens/session-keys.ts'
import { decryptData } from '#shared/wechat/decrypt-data.ts'
import { verifyRawData } from '#shared/wechat/raw-data.ts'

/** Data that older clients hand over, protected by the session_key of their login. */
export interface SessionData {
  phoneNumber(session: Session, data: EncryptedData, signal: AbortSignal): Promise<string>
  profile(session: Session, data: EncryptedData | SignedData, signal: AbortSignal): Promise<InferredProfile>
}

export interface EncryptedData {
  readonly encryptedData: string
  readonly iv: string
}

export interface SignedData {
  readonly rawData: string
  readonly signature: string
}

const UserInfo = v.object({
  nickName: v.pipe(v.string(), v.trim(), v.maxLength(64)),
  gender: v.optional(v.picklist([0, 1, 2]), 0),
  language: v.optional(v.pipe(v.string(), v.maxLength(35))),
})

const PhoneInfo = v.object({
  purePhoneNumber: v.pipe(v.string(), v.regex(/^\d{5,14}$/)),
  countryCode: v.pipe(v.string(), v.regex(/^\d{1,4}$/)),
})

export type InferredProfile = v.InferOutput<typeof UserInfo>

export interface SessionDataOptions {
  readonly appId: string
  readonly database: Database
  readonly dataKeys: Keyring
}

export function createSessionData({ appId, database, dataKeys }: SessionDataOptions): SessionData {
  async function phoneNumber(session: Session, data: EncryptedData, signal: AbortSignal): Promise<string> {
    const sessionKey = await wechatKey(session, signal)
    const { countryCode, purePhoneNumber } = parse(PhoneInfo, decryptData({ ...data, sessionKey, appId }))
    return `+${countryCode}${purePhoneNumber}`
  }

  async function profile(
    session: Session,
    data: EncryptedData | SignedData,
    signal: AbortSignal,
  ): Promise<InferredProfile> {
    const sessionKey = await wechatKey(session, signal)
    if ('encryptedData' in data) return parse(UserInfo, decryptData({ ...data, sessionKey, appId }))
    if (!verifyRawData({ ...data, sessionKey })) throw mismatch()
    return parse(UserInfo, parseJson(data.rawData))
  }

  async function wechatKey(session: Session, signal: AbortSignal): Promise<string> {
    const row = await findSession(database.sql, session.sessionId, signal)
    if (row?.wechat_key_encrypted == null) throw mismatch()
    return unsealWechatKey(dataKeys, row.id, row.wechat_key_encrypted)
  }

  return { phoneNumber, profile }
}

function parse<Schema extends v.GenericSchema>(schema: Schema, data: unknown): v.InferOutput<Schema> {
  const result = v.safeParse(schema, data)
  if (!result.success) throw mismatch()
  return result.output
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // signed, yet not JSON: refused by the schema like any other mismatch
  }
}

/** One answer to every cause, as decryption gives it, so that nobody can probe with forged data. */
function mismatch(): Fault {
  return new Fault('validation_failed', {
    details: [{ reason: 'session_key_mismatch', message: 'call wx.login, then send data made after it' }],
  })
}
