import { parseKey } from '#shared/keyring.ts'

export interface PartnerKey {
  /** `<partner>.<key id>`. */
  readonly kid: string
  readonly partner: string
  /** 32 bytes. */
  readonly key: Uint8Array
}

/** Keys of the services that call us server to server. */
export interface PartnerKeys {
  /** The key named `kid`; undefined when it was never known or has been retired. */
  get(kid: string): PartnerKey | undefined
  /** A partner's keys, all of which count; none for an unknown one. */
  of(partner: string): readonly PartnerKey[]
  readonly all: readonly PartnerKey[]
  toJSON(): string
}

/** So that one can be replaced by the next without a pause, and none is forgotten. */
const MAX_KEYS = 2
/** Key ids `wx.<version>` are WeChat's user keys, and its callbacks have names like a partner's. */
const RESERVED = /^(?:wx|wechat(?:-.*)?)$/
const KID = /^(?<partner>[a-z][a-z0-9-]{0,30})\.[A-Za-z0-9_-]{1,16}$/

/**
 * Reads `partner.id:key,partner.id:key` with each key 32 random bytes in base64url, at most two a partner. Empty text
 * is no partners.
 *
 * @throws TypeError that says what is wrong, without the value; `npm run keys` makes a good one.
 */
export function parsePartnerKeys(text: string): PartnerKeys {
  const all = text.trim() === '' ? [] : text.split(',').map((entry) => parseEntry(entry.trim()))
  const byKid = new Map(all.map((key) => [key.kid, key]))
  const byPartner = Map.groupBy(all, ({ partner }) => partner)
  if (byKid.size !== all.length) throw new TypeError('has a key id twice')
  for (const [partner, keys] of byPartner) {
    if (keys.length > MAX_KEYS)
      throw new TypeError(`has more than ${MAX_KEYS} keys of the partner ${partner}`)
  }
  return {
    get: (kid) => byKid.get(kid),
    of: (partner) => byPartner.get(partner) ?? [],
    all,
    toJSON: () => '[secret]',
  }
}

function parseEntry(entry: string): PartnerKey {
  const [kid = '', key = '', ...rest] = entry.split(':')
  const partner = KID.exec(kid)?.groups?.['partner']
  if (partner === undefined || rest.length > 0) {
    throw new TypeError('must look like partner.id:key,partner.id:key (make it with: npm run keys)')
  }
  if (RESERVED.test(partner)) throw new TypeError(`has a partner named ${partner}, which is reserved`)
  return { kid, partner, key: parseKey(key) }
}
