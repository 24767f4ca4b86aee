/** Symmetric 32-byte keys by id. The first one makes new things; the others still read old ones. */
export interface Keyring {
  readonly activeId: string
  /** The key named `id`; undefined when it was never known or has been retired. */
  get(id: string): Uint8Array | undefined
  /** The key named `activeId`. */
  readonly active: Uint8Array
  toJSON(): string
}

const KEY_BYTES = 32
const MIN_DISTINCT_BYTES = 12 // 32 random bytes have fewer with a chance below 2^-60; a typed or repeated key does not

/**
 * Reads `id:key,id:key` with each key 32 random bytes in base64url, the active one first.
 *
 * @throws TypeError that says what is wrong, without the value; `npm run keys` makes a good one.
 */
export function parseKeyring(text: string): Keyring {
  const keys = new Map(text.split(',').map((entry) => parseEntry(entry.trim())))
  const [first] = keys
  if (first === undefined || keys.size !== text.split(',').length) throw new TypeError('has a key id twice')
  const [activeId, active] = first
  return { activeId, active, get: (id) => keys.get(id), toJSON: () => '[secret]' }
}

/** Reads a single key of 32 random bytes in base64url. */
export function parseKey(text: string): Uint8Array {
  const key = Buffer.from(text, 'base64url')
  if (key.toString('base64url') !== text || key.byteLength !== KEY_BYTES) {
    throw new TypeError(`must be ${KEY_BYTES} random bytes in base64url (make them with: npm run keys)`)
  }
  if (new Set(key).size < MIN_DISTINCT_BYTES)
    throw new TypeError('is not random (make a key with: npm run keys)')
  return key
}

function parseEntry(entry: string): [string, Uint8Array] {
  const [id = '', key = '', ...rest] = entry.split(':')
  if (!/^[A-Za-z0-9_-]{1,16}$/.test(id) || rest.length > 0) {
    throw new TypeError('must look like id:key,id:key (make it with: npm run keys)')
  }
  return [id, parseKey(key)]
}
