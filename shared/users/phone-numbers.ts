import { createHmac } from 'node:crypto'
import type { UserRow } from '#shared/db/tables/users.ts'
import type { Keyring } from '#shared/keyring.ts'
import { seal } from '#shared/seal.ts'

export interface PhoneKeys {
  readonly dataKeys: Keyring
  /** Key of the look-up index; not rotated with the data keys, since every row would have to be computed anew. */
  readonly indexKey: Uint8Array
}

type PhoneColumns = Pick<UserRow, 'phone_encrypted' | 'phone_index' | 'phone_masked'>

/** The columns that hold a phone number: encrypted, indexed by HMAC, masked for people. `number` is in E.164. */
export function phoneColumns(keys: PhoneKeys, userId: string, number: string): PhoneColumns {
  return {
    phone_encrypted: seal(keys.dataKeys, number, `users.phone:${userId}`),
    phone_index: phoneIndex(keys.indexKey, number),
    phone_masked: maskPhone(number),
  }
}

export function phoneIndex(indexKey: Uint8Array, number: string): string {
  return createHmac('sha256', indexKey).update(number).digest('hex')
}

/** First three and last two digits of the national number, as WeChat's security guide shows: 138******01. */
export function maskPhone(number: string): string {
  const national = number.replace(/^\+86(?=1\d{10}$)/, '').replace(/^\+/, '')
  return `${national.slice(0, 3)}${'*'.repeat(Math.max(4, national.length - 5))}${national.slice(-2)}`
}
