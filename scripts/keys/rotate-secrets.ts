import * as v from 'valibot'
import { parsePartnerKeys } from '#shared/signing/partner-keys.ts'
import {
  encodeTokenKeys,
  generateKeyringEntry,
  generatePartnerEntry,
  generateTokenKey,
  type TokenJwk,
} from './generate-secrets.ts'

/** Settings that `rotate` knows, by the word a person types. */
export const ROTATABLE = {
  token: 'TOKEN_KEYS',
  data: 'DATA_KEYS',
  signing: 'SIGNING_KEYS',
  partner: 'PARTNER_KEYS',
} as const

export type Rotatable = keyof typeof ROTATABLE

const STATES = ['next', 'active', 'retiring'] as const
const TokenKeys = v.object({ keys: v.array(v.looseObject({ kid: v.string(), state: v.picklist(STATES) })) })

/** The setting's value one rotation later; instances with the old value and with the new one read each other's work. */
export function rotateSecret(which: Exclude<Rotatable, 'partner'>, value: string): string {
  return which === 'token' ? rotateTokenKeys(value) : rotateKeyring(value)
}

/**
 * PARTNER_KEYS with one more key of `partner`, whose oldest goes where that makes three. Both that are left count, so
 * the partner changes over whenever it likes before the next rotation. A new partner gets its first key.
 */
export function rotatePartner(partner: string, value: string): string {
  const entries = entriesOf(value)
  const own = entries.filter((entry) => entry.startsWith(`${partner}.`))
  const gone = own.length > 1 ? own[0] : undefined
  const rotated = [...entries.filter((entry) => entry !== gone), generatePartnerEntry(partner)].join(',')
  return checked(rotated)
}

/** So that no name is written that functions would not start with. */
function checked(value: string): string {
  try {
    parsePartnerKeys(value)
    return value
  } catch (cause) {
    throw new TypeError(`Cannot rotate: PARTNER_KEYS ${cause instanceof Error ? cause.message : ''}`, {
      cause,
    })
  }
}

/** One line a key, `id state`, without anything secret. */
export function describeSecret(which: Rotatable, value: string): string[] {
  if (which === 'token') return readTokenKeys(value).map(({ kid, state }) => `${kid} ${state}`)
  const entries = entriesOf(value)
  if (which === 'partner') return entries.map((entry) => `${entry.split(':')[0]} active`)
  return entries.map((entry, at) => `${entry.split(':')[0]} ${keyringState(at, entries.length)}`)
}

function entriesOf(value: string): readonly string[] {
  return value.split(',').flatMap((entry) => entry.trim() || [])
}

/** By place: the first key is used, the last one is known everywhere before it is, those between still open old data. */
function keyringState(at: number, length: number): TokenJwk['state'] {
  if (at === 0) return 'active'
  return at === length - 1 ? 'next' : 'retiring'
}

/** The last key to the front, and a new last one; none goes, since what it sealed may still be kept. */
function rotateKeyring(value: string): string {
  const entries = value.split(',')
  const next = entries.length > 1 ? entries.slice(-1) : [generateKeyringEntry()]
  const others = entries.length > 1 ? entries.slice(0, -1) : entries
  return [...next, ...others, generateKeyringEntry()].join(',')
}

/** next → active, active → retiring, retiring → gone, and a new next. */
function rotateTokenKeys(value: string): string {
  const keys = readTokenKeys(value)
  const moved = keys.flatMap((key): TokenJwk[] => {
    if (key.state === 'next') return [{ ...key, state: 'active' }]
    return key.state === 'active' ? [{ ...key, state: 'retiring' }] : []
  })
  const hasActive = moved.some((key) => key.state === 'active')
  return encodeTokenKeys([
    ...(hasActive ? [] : [generateTokenKey('active')]),
    ...moved,
    generateTokenKey('next'),
  ])
}

function readTokenKeys(value: string): TokenJwk[] {
  const json = value.startsWith('{') ? value : Buffer.from(value, 'base64url').toString()
  return v.parse(TokenKeys, JSON.parse(json)).keys
}
