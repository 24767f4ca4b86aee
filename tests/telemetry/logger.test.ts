import { describe, expect, test } from '@jest/globals'
import { Fault } from '#shared/errors.ts'
import { createLogger } from '#shared/telemetry/logger.ts'

function capture(level: 'debug' | 'info' | 'warn' = 'info') {
  const lines: string[] = []
  const logger = createLogger({ level, clock: () => 0, write: (line) => lines.push(line) })
  return { logger, lines, text: () => lines.join('') }
}

describe('logger', () => {
  test('writes one JSON line an event with time, level and fields', () => {
    const { logger, lines } = capture()

    logger.with({ function: 'login' }).info('session.begun', { userId: 'u1' })

    expect(lines).toEqual([
      '{"time":"1970-01-01T00:00:00.000Z","level":"info","event":"session.begun","function":"login","userId":"u1"}\n',
    ])
  })

  test('is silent below its level', () => {
    const { logger, lines } = capture('warn')

    logger.info('quiet.event')
    logger.warn('loud.event')

    expect(lines).toHaveLength(1)
  })

  test('an event cannot forge a second line', () => {
    const { logger, lines } = capture()

    logger.info('a.b', { name: 'x\n{"level":"error"}' })

    expect(lines.join('').trimEnd().split('\n')).toHaveLength(1)
  })

  test.each([
    ['a token by name', { accessToken: 'abc.def' }, 'abc.def'],
    ['WeChat session_key by name', { session_key: 'tiihtNczf5v6AKRyjwEUhQ==' }, 'tiiht'],
    ['a login code by name', { code: '0a3Xyz' }, '0a3Xyz'],
    ['an openid by name', { openid: 'oGZUI0egBJY1zhBYw2KhdUfwVJJE' }, 'oGZUI0'],
    ['a phone number by name', { phoneNumber: '13800000001' }, '1380000'],
    ['a phone number inside a text', { text: 'call 13800000001 now' }, '13800000001'],
    ['a JWT inside a text', { text: 'got eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln' }, 'eyJ'],
    ['a bearer header inside a text', { text: 'authorization: Bearer s3cr3t-value' }, 's3cr3t'],
    [
      'a WeChat query inside a text',
      { text: 'GET /sns/jscode2session?appid=wx1&secret=5e884898&js_code=0a3Xyz' },
      '5e884898',
    ],
    [
      'a code inside that query',
      { text: 'GET /sns/jscode2session?appid=wx1&secret=5e884898&js_code=0a3Xyz' },
      '0a3Xyz',
    ],
    ['a password in a URL', { text: 'postgres://app:hunter2@db/app' }, 'hunter2'],
    ['bytes', { data: new Uint8Array([104, 117]) }, '104'],
    ['something nested', { a: { b: [{ refreshToken: 'zzz-token' }] } }, 'zzz-token'],
  ])('hides %s', (_, fields, forbidden) => {
    const { logger, text } = capture()

    logger.info('a.b', fields)

    expect(text()).not.toContain(forbidden)
    expect(text()).toContain('a.b')
  })

  test('an error shows its cause chain with secrets hidden', () => {
    const { logger, lines } = capture()
    const cause = new Error('connect postgres://app:hunter2@10.0.0.1/app refused')

    logger.error('http.failed', { cause: new Fault('unavailable', { cause }) })

    const [line = ''] = lines
    expect(line).not.toContain('hunter2')
    expect(JSON.parse(line).cause.cause.message).toContain('[secret]@10.0.0.1/app refused')
  })

  test('a circular value does not stop the log', () => {
    const { logger, lines } = capture()
    const circle: Record<string, unknown> = {}
    circle['self'] = circle

    logger.info('a.b', { circle })

    expect(lines).toHaveLength(1)
  })
})
