import * as v from 'valibot'
import { encodeTokenKeys, generateKeyringEntry, generateTokenKey, type TokenJwk } from './generate-secrets.ts'

/** Settings that `rotate` knows, by the word a person types. */
export const ROTATABLE = { token: 'TOKEN_KEYS', data: 'DATA_KEYS', signing: 'SIGNING_KEYS' } as const

export type Rotatable = keyof typeof ROTATABLE

const STATES = ['next', 'active', 'retiring'] as const
const TokenKeys = v.object({ keys: v.array(v.looseObject({ kid: v.string(), state: v.picklist(STATES) })) })

/** The setting's value one rotation later; verifiers that hold either value accept what the other signs. */
export function rotateSecret(which: Rotatable, value: string): string {
  return which === 'token' ? rotateTokenKeys(value) : `${generateKeyringEntry()},${value}`
}

/** One line a key, `id state`, without anything secret. */
export function describeSecret(which: Rotatable, value: string): string[] {
  if (which === 'token') return readTokenKeys(value).map(({ kid, state }) => `${kid} ${state}`)
  return value
    .split(',')
    .map((entry, index) => `${entry.split(':')[0]} ${index === 0 ? 'active' : 'retiring'}`)
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
