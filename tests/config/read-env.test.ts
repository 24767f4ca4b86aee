import { describe, expect, test } from '@jest/globals'
import { readEnv } from '#shared/config/read-env.ts'
import { parseKey, parseKeyring } from '#shared/keyring.ts'
import { parseSigningTokenKeys, parseTokenKeys } from '#shared/tokens/token-keys.ts'
import { generateSecrets, generateTokenKey } from '#scripts/keys/generate-secrets.ts'

describe('readEnv', () => {
  test('reads what is well set, with fallbacks for what is not set', () => {
    const env = { NAME: ' shop ', SIZE: '7', LIST: 'a, b,,c', URL: 'redis://127.0.0.1:6379' }

    const settings = readEnv(env, (read) => ({
      name: read.text('NAME'),
      size: read.integer('SIZE', { min: 1, max: 9, fallback: 2 }),
      list: read.list('LIST'),
      url: read.url('URL', { schemes: ['redis', 'rediss'] }).href,
      level: read.oneOf('LEVEL', ['info', 'warn'], 'info'),
      absent: read.optional('ABSENT', (more) => more.text('ABSENT')),
    }))

    expect(settings).toEqual({
      name: 'shop',
      size: 7,
      list: ['a', 'b', 'c'],
      url: 'redis://127.0.0.1:6379',
      level: 'info',
      absent: undefined,
    })
  })

  test('names every problem at once and prints no value', () => {
    const env = {
      SIZE: 'seven',
      URL: 'ftp://user:hunter2@host',
      LEVEL: 'loud',
      SECRET: 'hunter2',
      EMPTY: '  ',
    }

    const reading = () =>
      readEnv(env, (read) => ({
        missing: read.text('MISSING'),
        empty: read.text('EMPTY'),
        size: read.integer('SIZE', { min: 1, max: 9, fallback: 2 }),
        url: read.url('URL', { schemes: ['https'] }),
        level: read.oneOf('LEVEL', ['info', 'warn'], 'info'),
        secret: read.secret('SECRET'),
      }))

    expect(reading).toThrow(
      [
        'Cannot read configuration:',
        '  - MISSING is missing',
        '  - EMPTY is missing',
        '  - SIZE must be a whole number from 1 to 9',
        '  - URL must be a URL that begins with https://',
        '  - LEVEL must be one of info, warn',
        '  - SECRET is shorter than 32 bytes',
      ].join('\n'),
    )
    expect(reading).not.toThrow(/hunter2|seven|loud/)
  })

  test('a setting that means nothing without another one is a problem alone', () => {
    const reading = (env: Readonly<Record<string, string>>) =>
      readEnv(env, (read) => read.optional('URL', () => read.text('TOKEN', 'none'), ['TOKEN', 'MODE']))

    expect(reading({})).toBeUndefined()
    expect(reading({ URL: 'x', TOKEN: 't' })).toBe('t')
    expect(() => reading({ TOKEN: 'hunter2', MODE: 'loud', URL: ' ' })).toThrow(
      [
        'Cannot read configuration:',
        '  - TOKEN is set, but nothing uses it without URL',
        '  - MODE is set, but nothing uses it without URL',
      ].join('\n'),
    )
  })

  test('a problem that several parts of a function meet is named once', () => {
    const reading = () => readEnv({}, (read) => [read.text('NAME'), read.text('NAME')])

    expect(reading).toThrow(/^Cannot read configuration:\n  - NAME is missing$/)
  })

  test.each([
    ['changeme'],
    ['your-secret-goes-here-now'],
    ['example-secret-that-is-long-enough'],
    ['00000000000000000000000000000000'],
  ])('the weak secret "%s" is refused', (value) => {
    expect(() => readEnv({ KEY: value }, (read) => read.secret('KEY'))).toThrow(
      /KEY is a default or example value/,
    )
  })

  test('a secret prints as [secret] everywhere and is revealed on demand', () => {
    const value = 'f3c9a1b25d6e4f708192a3b4c5d6e7f8'

    const secret = readEnv({ KEY: value }, (read) => read.secret('KEY'))

    expect(`${String(secret)} ${JSON.stringify({ secret })} ${JSON.stringify({ ...secret })}`).not.toContain(
      value,
    )
    expect(secret.reveal()).toBe(value)
  })
})

describe('keys', () => {
  test('what npm run keys makes is accepted', () => {
    const secrets = generateSecrets()

    expect(parseTokenKeys(secrets.TOKEN_KEYS).all.map((key) => key.state)).toEqual(['active', 'next'])
    expect(parseKeyring(secrets.DATA_KEYS).active).toHaveLength(32)
    expect(parseKeyring(secrets.SIGNING_KEYS).active).toHaveLength(32)
    expect(parseKey(secrets.INDEX_KEY)).toHaveLength(32)
  })

  test.each([
    ['too short', 'k1:c2hvcnQ'],
    ['all zero', `k1:${Buffer.alloc(32).toString('base64url')}`],
    ['one letter repeated', `k1:${Buffer.alloc(32, 'a').toString('base64url')}`],
    ['no id', Buffer.alloc(32, 1).toString('base64url')],
    ['an id twice', [0, 1].map(() => generateSecrets().DATA_KEYS.replace(/^[^:]+/, 'k1')).join(',')],
    ['padded base64', `k1:${Buffer.alloc(32, 7).toString('base64')}`],
  ])('a keyring that is %s is refused', (_, text) => {
    expect(() => parseKeyring(text)).toThrow(TypeError)
  })

  test('a key set without its private half verifies and does not sign', () => {
    const { d: _, ...publicHalf } = generateTokenKey('active')
    const setting = JSON.stringify({ keys: [publicHalf] })

    expect(parseTokenKeys(setting).all).toHaveLength(1)
    expect(() => parseSigningTokenKeys(setting)).toThrow('has no private key for its active key')
  })

  test('halves of two keys are refused where tokens are issued', () => {
    const mixed = { ...generateTokenKey('active'), d: generateTokenKey('active')['d'] }

    expect(() => parseSigningTokenKeys(JSON.stringify({ keys: [mixed] }))).toThrow(TypeError)
  })

  test('a point off the curve is refused', () => {
    const { y: _, ...rest } = generateTokenKey('active')

    expect(() => parseTokenKeys(JSON.stringify({ keys: [{ ...rest, y: 'A'.repeat(43) }] }))).toThrow(
      'no point of P-256',
    )
  })

  test.each([
    ['not JSON', 'nonsense'],
    ['without an active key', JSON.stringify({ keys: [] })],
    [
      'a public RSA key',
      JSON.stringify({ keys: [{ kty: 'RSA', n: 'x', e: 'AQAB', kid: '1', state: 'active' }] }),
    ],
  ])('token keys that are %s are refused', (_, text) => {
    expect(() => parseTokenKeys(text)).toThrow(TypeError)
  })
})
