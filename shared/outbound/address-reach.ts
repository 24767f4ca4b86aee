import { BlockList, isIPv4 } from 'node:net'
import { plainIp } from '#shared/ip-address.ts'

/** Where an address leads: `never` is what no call of ours has business with, whoever allows it. */
export type Reach = 'public' | 'private' | 'never'

/** Link-local holds the metadata services of most clouds (Tencent's is 169.254.0.23); Alibaba's and Amazon's IPv6 one lie elsewhere. */
const NEVER = subnets([
  '0.0.0.0/8',
  '169.254.0.0/16',
  '100.100.100.200/32',
  '224.0.0.0/4',
  '255.255.255.255/32',
  '::/128',
  'fe80::/10',
  'fd00:ec2::254/128',
  'ff00::/8',
])

/** @see https://www.iana.org/assignments/iana-ipv4-special-registry, and the registry of IPv6 beside it */
const PRIVATE = subnets([
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '240.0.0.0/4',
  // IPv4-compatible addresses, and tunnels that end wherever the address says.
  '::/96',
  '::ffff:0:0:0/96',
  '64:ff9b:1::/48',
  '2001::/32',
  '2002::/16',
  '100::/64',
  '2001:db8::/32',
  '3fff::/20',
  'fc00::/7',
  'fec0::/10',
])

/** What a translator makes of an IPv4 address. @see RFC 6052 §2.1, RFC 2765 §2.1 */
const TRANSLATED = /^(?:64:ff9b:|::ffff:0):(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,4})$/

/** Where an address leads, by the IPv4 address in it where there is one. What is no address leads nowhere. */
export function addressReach(address: string): Reach {
  const ip = embedded(plainIp(address.replace(/%.*$/, '')))
  if (ip === '') return 'never'
  const family = isIPv4(ip) ? 'ipv4' : 'ipv6'
  if (NEVER().check(ip, family)) return 'never'
  return PRIVATE().check(ip, family) ? 'private' : 'public'
}

/** The host of a URL as an address is written elsewhere; a name stays what it is. */
export function hostAddress({ hostname }: Pick<URL, 'hostname'>): string {
  return hostname.replace(/^\[(.*)\]$/, '$1')
}

/** Whether an address is this machine's own. */
export function isLoopback(address: string): boolean {
  const ip = plainIp(address)
  return ip === '::1' || (isIPv4(ip) && ip.startsWith('127.'))
}

function embedded(ip: string): string {
  const [, high = '0', low] = TRANSLATED.exec(ip) ?? []
  return low === undefined ? ip : plainIp(`::ffff:${high}:${low}`)
}

/** Made when an address is first looked at: many an instance never calls out. */
function subnets(all: readonly string[]): () => BlockList {
  let made: BlockList | undefined
  return () => (made ??= blockList(all))
}

function blockList(all: readonly string[]): BlockList {
  const list = new BlockList()
  for (const [address = '', bits] of all.map((subnet) => subnet.split('/')))
    list.addSubnet(address, Number(bits), isIPv4(address) ? 'ipv4' : 'ipv6')
  return list
}
