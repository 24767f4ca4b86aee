import { randomBytes } from 'node:crypto'
import type { EncryptKey, Identity } from './identities.ts'

const KEY_LIFE_MS = 3_600_000
/** WeChat doesn't publish when it makes another key; this gives three overlapping ones an hour. */
const KEY_RENEWAL_MS = 1_200_000
const KEYS_LISTED = 3

/** A person's latest three keys, the newest first, which is made now when it is time. Expired ones stay in the list. */
export function encryptKeys(identity: Identity, nowMs: number): readonly [EncryptKey, ...EncryptKey[]] {
  const [latest, ...older] = identity.encryptKeys
  const keys: readonly [EncryptKey, ...EncryptKey[]] =
    latest !== undefined && nowMs - latest.createdAt < KEY_RENEWAL_MS
      ? [latest, ...older]
      : [newKey(latest, nowMs), ...identity.encryptKeys.slice(0, KEYS_LISTED - 1)]
  identity.encryptKeys = keys
  return keys
}

/** Whole seconds that the key has left; 0 once it has expired. */
export function expiresInS({ createdAt }: EncryptKey, nowMs: number): number {
  return Math.max(0, Math.floor((createdAt + KEY_LIFE_MS - nowMs) / 1_000))
}

/** What the latest key is on the client, by `wx.getUserCryptoManager().getLatestUserKey()`. */
export interface UserKey {
  /** 16 bytes in base64. */
  readonly encryptKey: string
  /** 16 hexadecimal digits. */
  readonly iv: string
  readonly version: number
  /** Epoch seconds here; WeChat doesn't say which unit its own has. */
  readonly expireTime: number
}

export function latestUserKey(identity: Identity, nowMs: number): UserKey {
  const [{ encryptKey, iv, version, createdAt }] = encryptKeys(identity, nowMs)
  return { encryptKey, iv, version, expireTime: Math.floor((createdAt + KEY_LIFE_MS) / 1_000) }
}

function newKey(latest: EncryptKey | undefined, createdAt: number): EncryptKey {
  return {
    encryptKey: randomBytes(16).toString('base64'),
    iv: randomBytes(8).toString('hex'),
    version: (latest?.version ?? 0) + 1,
    createdAt,
  }
}
