import { createHash } from 'node:crypto'

const PLAIN = /^[\w.:-]{1,64}$/

/**
 * A value as part of a key: itself where it can do no harm, else a hash, marked so that no value poses as another's hash.
 * A brace would move the key to another slot, and 10 KB would fill the store.
 */
export function keyText(value: string): string {
  if (PLAIN.test(value)) return value
  return `#${createHash('sha256').update(value).digest('base64url').slice(0, 22)}`
}

/** The hash tag that everything about a user shares, so that one call reads it all. */
export function userTag(userId: string): string {
  return `{u:${keyText(userId)}}`
}
