import { isIPv4, isIPv6 } from 'node:net'

/** The network an address is in, as an attacker gets them: /24 of IPv4, /64 of IPv6. Empty for what is no address. */
export function ipPrefix(ip: string): string {
  const v4 = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1]
  if (v4 !== undefined && isIPv4(v4)) return `${v4.slice(0, v4.lastIndexOf('.'))}.0/24`
  if (!isIPv6(ip)) return ''
  return `${groups(ip).slice(0, 4).join(':')}::/64`
}

/** An address in the one form that equal addresses share. Empty for what is no address. */
export function plainIp(ip: string): string {
  const v4 = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1]
  if (v4 !== undefined && isIPv4(v4)) return v4
  return isIPv6(ip) ? groups(ip).join(':') : ''
}

/** A /24 or /64 in the form of `ipPrefix`. Empty for anything else. */
export function plainPrefix(text: string): string {
  const [address = '', bits] = text.split('/')
  const prefix = ipPrefix(address)
  return prefix.endsWith(`/${bits}`) ? prefix : ''
}

/** The eight groups of an IPv6 address, without leading zeros; what stands for an IPv4 address in hexadecimal. */
function groups(ip: string): readonly string[] {
  const [address = ''] = ip.toLowerCase().split('%')
  const hex = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...bytes: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.map(Number)
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
  })
  const [head = '', tail] = hex.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const middle = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => '0')
  return [...left, ...middle, ...right].map((group) => group.replace(/^0+(?=.)/, ''))
}
