import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { addressReach } from '#shared/outbound/address-reach.ts'

describe('addressReach', () => {
  test.each([
    ['8.8.8.8', 'public'],
    ['101.226.103.1', 'public'],
    ['172.15.255.255', 'public'],
    ['172.32.0.0', 'public'],
    ['100.63.255.255', 'public'],
    ['100.128.0.0', 'public'],
    ['2400:da00::1', 'public'],
    ['64:ff9b::808:808', 'public'],
    ['10.0.0.1', 'private'],
    ['127.0.0.1', 'private'],
    ['100.64.0.1', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.1.1', 'private'],
    ['198.18.0.1', 'private'],
    ['240.0.0.1', 'private'],
    ['::1', 'private'],
    ['::7f00:1', 'private'],
    ['::ffff:10.0.0.1', 'private'],
    ['64:ff9b::a00:1', 'private'],
    ['64:ff9b:1::1', 'private'],
    ['2002:7f00:1::', 'private'],
    ['2001:0:7f00:1::', 'private'],
    ['fc00::1', 'private'],
    ['fdff::1', 'private'],
    ['0.0.0.0', 'never'],
    ['0.1.2.3', 'never'],
    ['169.254.169.254', 'never'],
    ['169.254.0.23', 'never'],
    ['100.100.100.200', 'never'],
    ['224.0.0.1', 'never'],
    ['255.255.255.255', 'never'],
    ['::', 'never'],
    ['::ffff:169.254.169.254', 'never'],
    ['::ffff:6464:64c8', 'never'],
    ['64:ff9b::a9fe:a9fe', 'never'],
    ['::ffff:0:169.254.169.254', 'never'],
    ['::ffff:0:a9fe:a9fe', 'never'],
    ['::ffff:0:a00:1', 'private'],
    ['3fff::1', 'private'],
    ['192.88.99.1', 'private'],
    ['64:ff9b::169.254.169.254', 'never'],
    ['fd00:ec2::254', 'never'],
    ['fe80::1', 'never'],
    ['fe80::1%eth0', 'never'],
    ['ff02::1', 'never'],
    ['', 'never'],
    ['shop.example', 'never'],
    ['2130706433', 'never'],
    ['127.1', 'never'],
  ])('%s is %s', (address, reach) => {
    expect(addressReach(address)).toBe(reach)
  })

  test('an IPv4 address leads to the same place in whatever form it is written', () => {
    fc.assert(
      fc.property(fc.ipV4(), (ip) => {
        expect(addressReach(`::ffff:${ip}`)).toBe(addressReach(ip))
        // Where the translator's form itself is that of no address, nothing is let through.
        expect(addressReach(`64:ff9b::${ip}`)).toBe(addressReach(ip))
      }),
    )
  })

  test('no text makes it fail', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV6()), (text) => {
        expect(['public', 'private', 'never']).toContain(addressReach(text))
      }),
    )
  })
})
