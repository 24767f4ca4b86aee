import { randomBytes } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { parsePartnerKeys } from '#shared/signing/partner-keys.ts'

const key = () => randomBytes(32).toString('base64url')

describe('parsePartnerKeys', () => {
  test('reads each partner with up to two keys', () => {
    const [one, two, other] = [key(), key(), key()]

    const partners = parsePartnerKeys(`acme.k1:${one}, acme.k2:${two},globex.k1:${other}`)

    expect(partners.of('acme').map(({ kid }) => kid)).toEqual(['acme.k1', 'acme.k2'])
    expect(Buffer.from(partners.get('globex.k1')?.key ?? []).toString('base64url')).toBe(other)
    expect(partners.get('globex.k2')).toBeUndefined()
    expect(partners.of('initech')).toEqual([])
    expect(JSON.stringify(partners)).toBe('"[secret]"')
  })

  test('no text is no partners', () => {
    expect(parsePartnerKeys('').all).toEqual([])
  })

  test.each([
    ['an empty key', () => 'acme.k1:', 'must be 32 random bytes in base64url'],
    ['no key', () => 'acme.k1', 'must be 32 random bytes in base64url'],
    ['a short key', () => `acme.k1:${key().slice(0, 40)}`, 'must be 32 random bytes in base64url'],
    [
      'a key of one byte over and over',
      () => `acme.k1:${Buffer.alloc(32, 7).toString('base64url')}`,
      'is not random',
    ],
    ['an id without a partner', () => `k1:${key()}`, 'must look like partner.id:key'],
    ['a partner in capitals', () => `Acme.k1:${key()}`, 'must look like partner.id:key'],
    ['an id with a dot', () => `acme.k.1:${key()}`, 'must look like partner.id:key'],
    ['the name of WeChat’s keys', () => `wx.1:${key()}`, 'reserved'],
    ['the name of one of its callbacks', () => `wechat-pay.k1:${key()}`, 'reserved'],
    [
      'three keys of one partner',
      () => ['a', 'b', 'c'].map((id) => `acme.${id}:${key()}`).join(),
      'more than 2 keys',
    ],
    ['one id twice', () => `acme.k1:${key()},acme.k1:${key()}`, 'has a key id twice'],
    ['a trailing comma', () => `acme.k1:${key()},`, 'must look like partner.id:key'],
  ])('%s is refused, and the value is not in the message', (_, setting, message) => {
    const text = setting()

    expect(() => parsePartnerKeys(text)).toThrow(message)
    const secretPart = text.split(':')[1] || 'nothing'
    expect(() => parsePartnerKeys(text)).not.toThrow(secretPart)
  })
})
