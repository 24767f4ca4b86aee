import { describe, expect, test } from '@jest/globals'
import { createTrustedHops } from '#shared/http/trusted-hops.ts'

const hops = createTrustedHops(['10.0.0.0/8', '192.0.2.7', 'fd00::/8'])

function arrive(peer: string, headers: Readonly<Record<string, string>>) {
  const all = new Headers(headers)
  const arrived = hops.arrive(peer, all)
  return { ...arrived, left: [...all.keys()] }
}

describe('a client’s address', () => {
  test.each([
    ['is the peer’s where nobody is trusted in between', '203.0.113.9', {}, '203.0.113.9'],
    [
      'is the peer’s, whatever a stranger claims',
      '203.0.113.9',
      { 'x-forwarded-for': '1.1.1.1' },
      '203.0.113.9',
    ],
    ['is what a trusted hop reports', '10.1.2.3', { 'x-forwarded-for': '203.0.113.9' }, '203.0.113.9'],
    [
      'is the last one before the trusted hops, so that nothing the client wrote counts',
      '10.1.2.3',
      { 'x-forwarded-for': '1.1.1.1, 203.0.113.9, 192.0.2.7' },
      '203.0.113.9',
    ],
    ['is the outermost hop’s when all are hops', '10.1.2.3', { 'x-forwarded-for': '10.9.9.9' }, '10.9.9.9'],
    [
      'stops at what is no address',
      '10.1.2.3',
      { 'x-forwarded-for': '1.1.1.1, unknown, 10.9.9.9' },
      '10.9.9.9',
    ],
    ['is the hop’s where it reports nothing', '10.1.2.3', {}, '10.1.2.3'],
    ['has no port', '10.1.2.3', { 'x-forwarded-for': '203.0.113.9:4711' }, '203.0.113.9'],
    ['has no brackets', 'fd00::1', { 'x-forwarded-for': '[2001:db8::1]:443' }, '2001:db8::1'],
    [
      'of IPv4 is the same in the form of IPv6',
      '::ffff:10.1.2.3',
      { 'x-forwarded-for': '203.0.113.9' },
      '203.0.113.9',
    ],
  ])('%s', (_, peer, headers, expected) => {
    expect(arrive(peer, headers).clientIp).toBe(expected)
  })
})

test('headers that only a hop may set are taken from a stranger’s request', () => {
  const { left, isForged } = arrive('203.0.113.9', {
    'x-forwarded-for': '1.1.1.1',
    'x-forwarded-uri': '/admin',
    'x-original-uri': '/admin',
    'x-real-ip': '1.1.1.1',
    forwarded: 'for=1.1.1.1',
    accept: 'a/b',
  })

  expect([left, isForged]).toEqual([['accept'], true])
})

test('identity headers are taken from everybody’s request', () => {
  const fromHop = arrive('10.1.2.3', { 'x-auth-sub': 'root', 'x-forwarded-uri': '/a' })

  expect([fromHop.left, fromHop.isForged]).toEqual([['x-forwarded-uri'], false])
})

test.each(['10.0.0.0/33', '10.0.0', 'example.com', '10.0.0.0/8/8', '10.0.0.0/x', ''])(
  '%j is refused as a trusted hop',
  (entry) => {
    expect(() => createTrustedHops([entry])).toThrow(TypeError)
  },
)
