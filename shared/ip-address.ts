/** An address in the one form that equal addresses share (RFC 5952), IPv4 in its own. Empty for what is no address. */
export function plainIp(ip: string): string {
  if (isIPv4(ip)) return ip
  // Bun's URL does not take every spelling of an address; no platform writes those that are left out.
  if (!IPV6_CHARS.test(ip) || !URL.canParse(`http://[${ip}]`)) return ''
  const plain = shortest(ip)
  const [, high, low] = MAPPED_IPV4.exec(plain) ?? []
  if (high === undefined || low === undefined) return plain
  const bits = (Number.parseInt(high, 16) << 16) | Number.parseInt(low, 16)
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.')
}

const BYTE = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const IPV4 = new RegExp(`^${BYTE}(?:\\.${BYTE}){3}$`)
/** What keeps a text within the brackets of a URL, which then judges whether it is an address. */
const IPV6_CHARS = /^[0-9a-f:.]*:[0-9a-f:.]*$/i

/** Without `node:net`, whose evaluation costs a cold start several ms. */
function isIPv4(text: string): boolean {
  return IPV4.test(text)
}

/** IPv4 as IPv6 sockets report it. @see RFC 4291 §2.5.5.2 */
const MAPPED_IPV4 = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/

/** What limits and counters know a caller by: one subscriber of IPv6 has 2^64 addresses, so the network counts. */
export function ipKey(ip: string): string {
  const plain = plainIp(ip)
  if (plain === '') return ip
  return isIPv4(plain) ? plain : ipPrefix(plain)
}

/** The network an address is in, as one party gets them: /24 of IPv4, /64 of IPv6. Empty for what is no address. */
export function ipPrefix(ip: string): string {
  const plain = plainIp(ip)
  if (plain === '') return ''
  if (isIPv4(plain)) return `${plain.slice(0, plain.lastIndexOf('.'))}.0/24`
  return `${shortest(`${firstGroups(plain).join(':')}::`)}/64`
}

/** A /24 or a /64 in the form of `ipPrefix`. Empty for anything else. */
export function plainPrefix(text: string): string {
  const [address = '', bits] = text.split('/')
  const prefix = ipPrefix(address)
  return prefix.endsWith(`/${bits}`) ? prefix : ''
}

/** The URL standard writes IPv6 addresses as RFC 5952 does. */
function shortest(ip: string): string {
  return new URL(`http://[${ip}]`).hostname.slice(1, -1)
}

/** The first four of an address's eight groups; `::` stands for as many zeros as are missing. */
function firstGroups(plain: string): readonly string[] {
  const [head = '', tail] = plain.split('::')
  const left = head === '' ? [] : head.split(':')
  if (tail === undefined) return left.slice(0, 4)
  const right = tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  return [...left, ...zeros, ...right].slice(0, 4)
}
