import type { Read } from '#shared/config/read-env.ts'
import { addressReach, hostAddress } from '#shared/outbound/address-reach.ts'

const FORM =
  'must be a URL that begins with https://; http:// is for this machine, private addresses and hosts that OUTBOUND_PRIVATE_HOSTS names'

/** Reads where calls to others go: what is said to them must not be read on the way. */
export function outwardUrl(read: Read, name: string, fallback?: string): URL {
  const privateHosts = read.list('OUTBOUND_PRIVATE_HOSTS').map((host) => host.toLowerCase())
  const given = () => read.parsed(name, (text) => checked(text, privateHosts))
  return fallback === undefined ? given() : (read.optional(name, given) ?? new URL(fallback))
}

function checked(text: string, privateHosts: readonly string[]): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'https:') return url
  if (url?.protocol === 'http:' && (isPrivate(url) || privateHosts.includes(url.hostname))) return url
  throw new TypeError(FORM)
}

function isPrivate(url: URL): boolean {
  return url.hostname === 'localhost' || addressReach(hostAddress(url)) === 'private'
}
