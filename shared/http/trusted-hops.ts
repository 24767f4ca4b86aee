import { BlockList, isIP } from 'node:net'
import { plainIp } from '#shared/ip-address.ts'

/** The proxies of one's own in front of a function, whose word about a request counts. */
export interface TrustedHops {
  /** The client's address; headers that only a trusted hop may set are taken away from anybody else's request. */
  arrive(peer: string, headers: Headers): Arrived
}

export interface Arrived {
  readonly clientIp: string
  /** Whether somebody who is no trusted hop tried to speak as one. */
  readonly isForged: boolean
}

/** What a hop says about the request it passes on. */
const HOP_HEADER = /^(x-forwarded-|x-original-|x-real-ip$|forwarded$)/
/** What forward-auth tells an upstream. On its way in it can only be somebody's attempt. */
const IDENTITY_HEADER = /^x-auth-/

/**
 * Believes `X-Forwarded-For` as far as trusted hops wrote it: from the right, the first address that is not one of
 * them. Anybody can write the rest of that header, so nothing further left counts, and without a trusted peer none of it.
 *
 * @param trusted addresses and CIDR ranges, such as `10.0.0.0/8`
 * @throws TypeError for anything else
 */
export function createTrustedHops(trusted: readonly string[]): TrustedHops {
  const isHop = trusted.length === 0 ? () => false : hopCheck(trusted)

  return {
    arrive(peer, headers) {
      const nearest = plainAddress(peer) ?? peer
      const isTrusted = isHop(nearest)
      const forged = [...headers.keys()].filter(
        (name) => IDENTITY_HEADER.test(name) || (!isTrusted && HOP_HEADER.test(name)),
      )
      for (const name of forged) headers.delete(name)
      if (!isTrusted) return { clientIp: nearest, isForged: forged.length > 0 }
      return { clientIp: forwardedFor(headers) ?? nearest, isForged: false }
    },
  }

  function forwardedFor(headers: Headers): string | undefined {
    let client: string | undefined
    for (const text of (headers.get('x-forwarded-for') ?? '').split(',').toReversed()) {
      const address = plainAddress(text.trim())
      // What is no address was not written by a hop of ours: the last one that was stands.
      if (address === undefined) return client
      client = address
      if (!isHop(address)) return client
    }
    return client
  }
}

/** An address without port or brackets, in its one form; undefined for anything else. */
function plainAddress(text: string): string | undefined {
  const bare = /^\[([0-9a-f:.]+)\](?::\d+)?$/i.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text
  return plainIp(bare) || undefined
}

function hopCheck(trusted: readonly string[]): (address: string) => boolean {
  const hops = new BlockList()
  for (const entry of trusted) addHop(hops, entry)
  return (address) => {
    const version = isIP(address)
    return version !== 0 && hops.check(address, version === 4 ? 'ipv4' : 'ipv6')
  }
}

function addHop(hops: BlockList, entry: string): void {
  const [address = '', prefix, ...rest] = entry.split('/')
  const version = isIP(address)
  const mostBits = version === 4 ? 32 : 128
  const bits = prefix === undefined ? mostBits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
  if (version === 0 || rest.length > 0 || !(bits <= mostBits))
    throw new TypeError('must list addresses or CIDR ranges, as 10.0.0.0/8,fd00::/8')
  hops.addSubnet(address, bits, version === 4 ? 'ipv4' : 'ipv6')
}
