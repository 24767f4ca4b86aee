import * as v from 'valibot'
import type { SessionRow } from '#shared/db/tables/sessions.ts'
import type { Keyring } from '#shared/keyring.ts'
import { unsealWechatKey } from '#shared/tokens/session-keys.ts'
import { decryptData, sessionKeyMismatch } from '#shared/wechat/decrypt-data.ts'
import { verifyRawData } from '#shared/wechat/raw-data.ts'

/** Data that older clients hand over, protected by the session_key of their login. */
export interface SessionData {
  /** In E.164. @throws Fault `validation_failed` with the reason `session_key_mismatch`, whatever the cause */
  phoneNumber(row: SessionRow, data: EncryptedData): string
  /** @throws as above */
  profile(row: SessionRow, data: EncryptedData | SignedData): WechatUserInfo
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
  nickName: v.string(),
  gender: v.optional(v.picklist([0, 1, 2]), 0),
  language: v.optional(v.string()),
})

const PhoneInfo = v.object({
  purePhoneNumber: v.pipe(v.string(), v.regex(/^\d{5,14}$/)),
  countryCode: v.pipe(v.string(), v.regex(/^\d{1,4}$/)),
})

export type WechatUserInfo = v.InferOutput<typeof UserInfo>

export interface SessionDataOptions {
  readonly appId: string
  readonly dataKeys: Keyring
}

export function createSessionData({ appId, dataKeys }: SessionDataOptions): SessionData {
  function phoneNumber(row: SessionRow, data: EncryptedData): string {
    const sessionKey = wechatKey(row)
    const { countryCode, purePhoneNumber } = parse(PhoneInfo, decryptData({ ...data, sessionKey, appId }))
    return `+${countryCode}${purePhoneNumber}`
  }

  function profile(row: SessionRow, data: EncryptedData | SignedData): WechatUserInfo {
    const sessionKey = wechatKey(row)
    if ('encryptedData' in data) return parse(UserInfo, decryptData({ ...data, sessionKey, appId }))
    if (!verifyRawData({ ...data, sessionKey })) throw sessionKeyMismatch()
    return parse(UserInfo, parseJson(data.rawData))
  }

  function wechatKey({ id, wechat_key_encrypted: sealed }: SessionRow): string {
    if (sealed === null) throw sessionKeyMismatch()
    return unsealWechatKey(dataKeys, id, sealed)
  }

  return { phoneNumber, profile }
}

function parse<Schema extends v.GenericSchema>(schema: Schema, data: unknown): v.InferOutput<Schema> {
  const result = v.safeParse(schema, data)
  if (!result.success) throw sessionKeyMismatch()
  return result.output
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // signed, yet not JSON: refused by the schema like any other mismatch
  }
}
