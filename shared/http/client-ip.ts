import { BlockList, isIP } from 'node:net'

/** Tells the client's own address from what the hops in front of a function report. */
export type ClientIp = (peer: string, headers: Headers) => string

/**
 * Believes `X-Forwarded-For` as far as trusted hops wrote it: from the right, the first address that is not one of
 * them. Anybody can write the rest of that header, so nothing further left counts, and without a trusted peer none of it.
 *
 * @param trusted addresses and CIDR ranges of one's own proxies, such as `10.0.0.0/8`
 * @throws TypeError for anything else
 */
export function createClientIp(trusted: readonly string[]): ClientIp {
  const hops = new BlockList()
  for (const entry of trusted) addHop(hops, entry)
  const isHop = (address: string) => {
    const version = isIP(address)
    return version !== 0 && hops.check(address, version === 4 ? 'ipv4' : 'ipv6')
  }

  return (peer, headers) => {
    const nearest = plainAddress(peer) ?? peer
    if (trusted.length === 0 || !isHop(nearest)) return nearest
    const forwarded = (headers.get('x-forwarded-for') ?? '')
      .split(',')
      .map((text) => plainAddress(text.trim()))
    let client = nearest
    for (const address of forwarded.toReversed()) {
      // What is no address was not written by a hop of ours: the last one that was stands.
      if (address === undefined) return client
      client = address
      if (!isHop(address)) return client
    }
    return client
  }
}

/** An address without port, brackets or the IPv6 form of an IPv4 address; undefined for anything else. */
function plainAddress(text: string): string | undefined {
  const bare = /^\[([0-9a-f:.]+)\](?::\d+)?$/i.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text
  const address = /^::ffff:([\d.]+)$/i.exec(bare)?.[1] ?? bare
  return isIP(address) === 0 ? undefined : address.toLowerCase()
}

function addHop(hops: BlockList, entry: string): void {
  const [address = '', prefix] = entry.split('/')
  const version = isIP(address)
  const bits = prefix === undefined ? (version === 4 ? 32 : 128) : Number(prefix)
  if (version === 0 || !/^\d{1,3}$/.test(String(bits)) || bits > (version === 4 ? 32 : 128)) {
    throw new TypeError('must list addresses or CIDR ranges, as 10.0.0.0/8,fd00::/8')
  }
  hops.addSubnet(address, bits, version === 4 ? 'ipv4' : 'ipv6')
}
