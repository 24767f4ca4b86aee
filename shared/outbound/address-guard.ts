import type { LookupFunction } from 'node:net'
import { addressReach, hostAddress, isLoopback } from './address-reach.ts'
import { CallError } from './call-error.ts'

/** All addresses of a host. */
export type Resolve = (host: string) => Promise<readonly string[]>

export interface AddressGuardOptions {
  /** Hosts that may be called besides those that settings point to. */
  readonly hosts: readonly string[]
  /** Hosts whose addresses may be private ones. */
  readonly privateHosts: readonly string[]
  /** As the operating system does unless given. */
  readonly resolve?: Resolve | undefined
}

export interface AddressGuard {
  /**
   * How to find the addresses of a call's host. They are judged as the connection is made, and it goes to one of those
   * that were judged: what a name stands for a moment later does not matter.
   *
   * @throws CallError for a host that may not be called
   */
  admit(call: { readonly target: string; readonly url: URL }, configured: URL | undefined): LookupFunction
}

export function createAddressGuard(options: AddressGuardOptions): AddressGuard {
  const { resolve = resolveBySystem } = options
  const hosts = new Set(options.hosts.map((host) => host.toLowerCase()))
  const privateHosts = new Set(options.privateHosts.map((host) => host.toLowerCase()))

  function admit(
    { target, url }: { readonly target: string; readonly url: URL },
    configured: URL | undefined,
  ): LookupFunction {
    const refuse = (why: string) => new CallError(target, why, 'never')
    const isConfigured = configured?.host === url.host
    if (!isConfigured && !hosts.has(url.hostname)) throw refuse('host not allowed')
    if (url.protocol !== 'https:' && !(isConfigured && configured.protocol === url.protocol))
      throw refuse('scheme not allowed')
    // Whoever writes this machine's own address into a setting means it.
    const mayBePrivate = privateHosts.has(url.hostname) || (isConfigured && isOwn(url))
    const check = (address: string) => {
      const reach = addressReach(address)
      if (reach === 'public' || (reach === 'private' && mayBePrivate)) return
      throw refuse('address not allowed')
    }
    // Of an address that stands in the URL nobody is asked.
    if (isAddress(url)) check(hostAddress(url))
    return (host, { all }, found) => {
      resolve(host).then(
        (addresses) => answer({ addresses, all: all === true, check }, found),
        (error: NodeJS.ErrnoException) => found(error, []),
      )
    }
  }

  return { admit }
}

interface Found {
  readonly addresses: readonly string[]
  readonly all: boolean
  readonly check: (address: string) => void
}

/** One address that is refused spoils all: an honest name has no such one. */
function answer({ addresses, all, check }: Found, found: Parameters<LookupFunction>[2]): void {
  try {
    addresses.forEach(check)
  } catch (error) {
    return found(error as CallError, []) // nothing else is thrown there
  }
  const entries = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
  const [first] = entries
  if (first === undefined) found(Object.assign(new Error('No address'), { code: 'ENOTFOUND' }), [])
  else if (all) found(null, entries)
  else found(null, first.address, first.family)
}

async function resolveBySystem(host: string): Promise<readonly string[]> {
  const { lookup } = await import('node:dns/promises')
  return (await lookup(host, { all: true })).map(({ address }) => address)
}

function isAddress({ hostname }: URL): boolean {
  return hostname.startsWith('[') || /^[\d.]+$/.test(hostname)
}

function isOwn(url: URL): boolean {
  return url.hostname === 'localhost' || isLoopback(hostAddress(url))
}
