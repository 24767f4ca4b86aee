import { createHash } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import type { Failure } from '#scripts/emulator/wechat/failures.ts'
import { redact } from '#shared/telemetry/redact.ts'
import { APP_SECRET, closedUrl, dyingState, faultOf, startSetting } from './instances.ts'

const PATH = '/sns/jscode2session'
const setting = await startSetting()
const { standIn, instance, calls } = setting
const { signal } = new AbortController()

function mint(name = 'alice'): string {
  return standIn.control.mintLoginCode(name).code
}

function fail(failure: Omit<Failure, 'endpoint'>): void {
  standIn.control.fail({ endpoint: PATH, ...failure })
}

describe('codeExchange', () => {
  test('turns a code into the person and their session_key', async () => {
    const { code, openid } = standIn.control.mintLoginCode('alice')

    const session = await instance().codeExchange(code, signal)

    expect(session).toMatchObject({ openid, unionid: expect.stringMatching(/^o/) })
    expect(Buffer.from(session.sessionKey, 'base64')).toHaveLength(16)
  })

  test('asks WeChat once for one code that 50 requests of one instance bring', async () => {
    const code = mint()
    const { codeExchange } = instance()

    const sessions = await Promise.all(Array.from({ length: 50 }, () => codeExchange(code, signal)))

    expect(new Set(sessions.map(({ sessionKey }) => sessionKey)).size).toBe(1)
    expect(calls(PATH)).toBe(1)
  })

  test('asks WeChat once for one code that 50 instances bring', async () => {
    const code = mint()
    fail({ latencyMs: 30, times: 1 })

    const sessions = await Promise.all(
      Array.from({ length: 50 }, () => instance().codeExchange(code, signal)),
    )

    expect(new Set(sessions.map(({ sessionKey }) => sessionKey)).size).toBe(1)
    expect(calls(PATH)).toBe(1)
  })

  test('answers a double submit within 10 s from the store, and later as WeChat does', async () => {
    const code = mint()
    const first = await instance().codeExchange(code, signal)

    setting.now += 9_999
    const second = await instance().codeExchange(code, signal)
    setting.now += 1
    const third = await faultOf(instance().codeExchange(code, signal))

    expect(second).toEqual(first)
    expect(third.error).toBe('login_code_invalid')
  })

  test('leaves nothing readable in the state store', async () => {
    const code = mint()
    const session = await instance().codeExchange(code, signal)

    const stored = JSON.stringify([...setting.state.entries()])

    expect(setting.state.entries().size).toBe(1)
    for (const hidden of [code, session.openid, session.sessionKey]) expect(stored).not.toContain(hidden)
  })

  test('works without the state store', async () => {
    setting.state.failing = true
    const code = mint()

    const session = await instance().codeExchange(code, signal)

    expect(session).toHaveProperty('openid')
    expect(setting.lines.join('')).toContain('wechat.state_unavailable')
  })

  test.each([
    [{ errcode: 40029 }, 'login_code_invalid'],
    [{ errcode: 40163 }, 'login_code_invalid'],
    [{ errcode: 40226 }, 'risk_denied'],
    [{ errcode: -1 }, 'upstream_failed'],
    [{ errcode: 99999 }, 'upstream_failed'],
    [{ status: 500 }, 'upstream_failed'],
    [{ status: 404 }, 'upstream_failed'],
    [{ body: '<html>' }, 'upstream_failed'],
    [{ body: '{"openid":"o1"}' }, 'upstream_failed'],
    [{ body: '[]' }, 'upstream_failed'],
    [{ body: 'null' }, 'upstream_failed'],
    [{ bodyBytes: 70_000 }, 'upstream_failed'],
    [{ connection: 'drop' }, 'upstream_failed'],
    [{ connection: 'silent' }, 'upstream_timeout'],
  ] as const)('answers %j with %s and sends the code once', async (failure, error) => {
    fail(failure)

    const fault = await faultOf(instance({ timeoutMs: 100 }).codeExchange(mint(), signal))

    expect(fault.error).toBe(error)
    expect(calls(PATH)).toBe(1)
  })

  test('tells instances that wait why the exchange failed, without asking again', async () => {
    fail({ errcode: 40226, latencyMs: 30 })
    const code = mint()

    const faults = await Promise.all(
      Array.from({ length: 5 }, () => faultOf(instance().codeExchange(code, signal))),
    )

    expect(faults.map(({ error }) => error)).toEqual(Array.from({ length: 5 }, () => 'risk_denied'))
    expect(calls(PATH)).toBe(1)
  })

  test('asks for patience until the next minute when the quota is used up', async () => {
    fail({ errcode: 45011 })

    const fault = await faultOf(instance().codeExchange(mint(), signal))

    expect(fault).toMatchObject({ error: 'rate_limited', retryAfterS: 50 })
  })

  test('does not send a code again after its answer got lost', async () => {
    fail({ status: 502, afterWork: true, times: 1 })
    const code = mint()

    const first = await faultOf(instance().codeExchange(code, signal))
    const sent = calls(PATH)

    expect(first.error).toBe('upstream_failed')
    expect(sent).toBe(1)
  })

  test('tries again while the connection is refused, and lets the code be used afterwards', async () => {
    const code = mint()
    const refused = await faultOf(instance({ baseUrl: await closedUrl() }).codeExchange(code, signal))

    const session = await instance().codeExchange(code, signal)

    expect(refused.error).toBe('upstream_failed')
    expect(session).toHaveProperty('openid')
  })

  test('gives up in time on an instance that died with the code', async () => {
    const code = mint()
    fail({ connection: 'silent', times: 1 })
    let dead = false
    const dying = instance({ timeoutMs: 50, state: dyingState(setting.state, () => dead) })
    const first = faultOf(dying.codeExchange(code, signal))
    while (setting.state.entries().size === 0) await new Promise(setImmediate)
    dead = true
    await first

    const fault = await faultOf(instance({ timeoutMs: 50 }).codeExchange(code, signal))

    expect(fault.error).toBe('upstream_timeout')
    expect(calls(PATH)).toBe(1)
  })

  test('lets one caller leave without failing the others', async () => {
    fail({ latencyMs: 50 })
    const code = mint()
    const { codeExchange } = instance()
    const leaver = new AbortController()
    const leaving = codeExchange(code, leaver.signal)
    const staying = codeExchange(code, signal)

    leaver.abort(new Error('gone'))

    await expect(leaving).rejects.toThrow('gone')
    expect(await staying).toHaveProperty('openid')
  })

  test.each(['', 'a code', 'x'.repeat(257), 'ключ'])('refuses %j without asking', async (code) => {
    const fault = await faultOf(instance().codeExchange(code, signal))

    expect(fault.error).toBe('login_code_invalid')
    expect(calls(PATH)).toBe(0)
  })

  test.each([40013, 40125, 40164, 40243])(
    'tells the operator what %i wants, and never the secret',
    async (errcode) => {
      fail({ errcode })
      const code = mint()

      const fault = await faultOf(instance().codeExchange(code, signal))

      const errors = setting.lines.filter((line) => line.includes('"level":"error"'))
      expect(fault.error).toBe('upstream_failed')
      expect(errors).toHaveLength(1)
      expect(JSON.parse(errors[0] ?? '')).toMatchObject({
        event: 'wechat.refused',
        errcode,
        rid: expect.stringMatching(/^[\w-]+$/),
        advice: expect.any(String),
      })
      const told = `${errors.join('')}${JSON.stringify(redact(fault))}${String(fault.cause)}`
      for (const hidden of [APP_SECRET, code]) expect(told).not.toContain(hidden)
    },
  )

  test('names the shared entry by a hash of appid and code', async () => {
    const code = mint()
    await instance().codeExchange(code, signal)

    const hash = createHash('sha256').update(`wx0123456789abcdef\n${code}`).digest('hex')

    expect([...setting.state.entries().keys()]).toEqual([`wx:code:${hash}`])
  })
})
