import { describe, expect, test } from '@jest/globals'
import { parsePushAesKey, parsePushToken } from '#functions/callback/push-settings.ts'
import { generateSecrets } from '#scripts/keys/generate-secrets.ts'

describe('WECHAT_PUSH_TOKEN', () => {
  test.each(['abc', 'A1b2', 'x'.repeat(32), generateSecrets().WECHAT_PUSH_TOKEN])('may be %s', (text) => {
    expect(parsePushToken(text).reveal()).toBe(text)
    expect(JSON.stringify({ token: parsePushToken(text) })).toBe('{"token":"[secret]"}')
  })

  test.each(['', 'ab', 'x'.repeat(33), 'with space', 'a-b-c', '令牌令牌'])('is never %j', (text) => {
    expect(() => parsePushToken(text)).toThrow('must be 3 to 32 letters and digits')
  })
})

describe('WECHAT_PUSH_AES_KEY', () => {
  test.each(['abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG', generateSecrets().WECHAT_PUSH_AES_KEY])(
    'may be %s',
    (text) => {
      expect(parsePushAesKey(text).reveal()).toBe(text)
      expect(String(parsePushAesKey(text))).toBe('[secret]')
    },
  )

  test.each([
    '',
    'abc',
    'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH',
    'abcdefghijklmnopqrstuvwxyz0123456789ABCDEF=',
  ])('is never %j', (text) => {
    expect(() => parsePushAesKey(text)).toThrow('must be 43 letters and digits')
  })

  test('is never one that somebody typed', () => {
    expect(() => parsePushAesKey('A'.repeat(43))).toThrow('is not random')
  })

  test('is another one in every set', () => {
    const sets = Array.from({ length: 20 }, generateSecrets)

    expect(new Set(sets.map(({ WECHAT_PUSH_AES_KEY }) => WECHAT_PUSH_AES_KEY)).size).toBe(20)
    expect(new Set(sets.map(({ WECHAT_PUSH_TOKEN }) => WECHAT_PUSH_TOKEN)).size).toBe(20)
  })
})
