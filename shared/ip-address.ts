import { isIPv4, isIPv6 } from 'node:net'

/** An address in the one form that equal addresses share (RFC 5952). Empty for what is no address. */
export function plainIp(ip: string): string {
  const v4 = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1]
  if (v4 !== undefined && isIPv4(v4)) return v4
  // Bun's URL does not take every spelling of an address; no platform writes those that are left out.
  return isIPv6(ip) && URL.canParse(`http://[${ip}]`) ? shortest(ip) : ''
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
