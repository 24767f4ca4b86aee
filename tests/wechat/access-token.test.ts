import { describe, expect, test } from '@jest/globals'
import { secret } from '#shared/secret.ts'
import { APP_SECRET, dyingState, faultOf, startSetting } from './instances.ts'

const STABLE = '/cgi-bin/stable_token'
const setting = await startSetting()
const { standIn, instance, calls } = setting
const { signal } = new AbortController()

describe('accessToken', () => {
  test('is fetched once by 100 cold instances', async () => {
    standIn.control.fail({ endpoint: STABLE, latencyMs: 30, times: 1 })

    const tokens = await Promise.all(Array.from({ length: 100 }, () => instance().accessToken(signal)))

    expect(new Set(tokens).size).toBe(1)
    expect(calls(STABLE)).toBe(1)
  })

  test('is kept in the instance for a minute, then looked up, and fetched again 5 minutes before its end', async () => {
    const wechat = instance()
    const first = await wechat.accessToken(signal)

    setting.state.failing = true
    setting.now += 59_999
    const kept = await wechat.accessToken(signal)
    setting.state.failing = false
    setting.now += (7_200 - 300) * 1_000 - 59_999 - 1
    await wechat.accessToken(signal)
    const lookedUp = calls(STABLE)
    setting.now += 60_001
    await wechat.accessToken(signal)

    expect(kept).toBe(first)
    expect(lookedUp).toBe(1)
    expect(calls(STABLE)).toBe(2)
  })

  test('is not readable in the state store, nor by another secret', async () => {
    const token = await instance().accessToken(signal)

    const stored = [...setting.state.entries().values()]
    const other = await faultOf(instance({ secret: secret('another secret') }).accessToken(signal))

    expect(stored).toHaveLength(1)
    expect(stored[0]).not.toContain(token)
    expect(other.error).toBe('upstream_failed')
  })

  test('is fetched directly when the state store is down', async () => {
    setting.state.failing = true

    const tokens = await Promise.all([instance().accessToken(signal), instance().accessToken(signal)])

    expect(tokens[0]).toBe(tokens[1])
    expect(calls(STABLE)).toBe(2)
  })

  test('is fetched by another instance when the one that held the lock died', async () => {
    standIn.control.fail({ endpoint: STABLE, connection: 'silent', times: 1 })
    let dead = false
    const dying = instance({ timeoutMs: 50, state: dyingState(setting.state, () => dead) })
    const first = faultOf(dying.accessToken(signal))
    while (setting.state.entries().size === 0) await new Promise(setImmediate)
    dead = true
    await first
    const waiting = instance().accessToken(signal)
    const early = await Promise.race([waiting, new Promise((resolve) => setImmediate(resolve))])

    setting.now += 2_000

    expect(early).toBeUndefined()
    expect(await waiting).toMatch(/^94_/)
    expect(calls(STABLE)).toBe(2)
  })

  test('fails everyone who waits at once, instead of one after another', async () => {
    standIn.control.fail({ endpoint: STABLE, status: 500, latencyMs: 30 })

    const faults = await Promise.all(
      Array.from({ length: 20 }, () => faultOf(instance().accessToken(signal))),
    )

    expect(new Set(faults.map(({ error }) => error))).toEqual(new Set(['upstream_failed']))
    // One call for all of them, tried again three times.
    expect(calls(STABLE)).toBe(4)
  })

  test('recovers a second after a failure', async () => {
    standIn.control.fail({ endpoint: STABLE, errcode: -1, times: 1 })
    await faultOf(instance().accessToken(signal))

    setting.now += 1_000

    expect(await instance().accessToken(signal)).toMatch(/^94_/)
  })

  test('does not end with the request that asked first', async () => {
    standIn.control.fail({ endpoint: STABLE, latencyMs: 50, times: 1 })
    const wechat = instance()
    const leaver = new AbortController()
    const leaving = wechat.accessToken(leaver.signal)
    const staying = wechat.accessToken(signal)

    leaver.abort(new Error('gone'))

    await expect(leaving).rejects.toThrow('gone')
    expect(await staying).toMatch(/^94_/)
    expect(calls(STABLE)).toBe(1)
  })

  test('says in one line that the secret is wrong, without it', async () => {
    const fault = await faultOf(instance({ secret: secret('not-the-secret') }).accessToken(signal))

    const errors = setting.lines.filter((line) => line.includes('"level":"error"'))
    expect(fault.error).toBe('upstream_failed')
    expect(errors).toHaveLength(1)
    expect(errors[0]).toContain('WECHAT_APP_SECRET')
    expect(errors[0]).not.toMatch(new RegExp(`not-the-secret|${APP_SECRET}`))
  })
})

describe('a call whose token WeChat rejects', () => {
  test('drops it, gets another one and is made again, for all instances once', async () => {
    const alice = await instance().codeExchange('dev-alice', signal)
    const instances = Array.from({ length: 10 }, () => instance())
    await Promise.all(instances.map((wechat) => wechat.accessToken(signal)))
    standIn.control.revokeTokens()

    const valid = await Promise.all(
      instances.map((wechat) => wechat.checkSession(alice.openid, alice.sessionKey, signal)),
    )

    expect(valid).toEqual(Array.from({ length: 10 }, () => true))
    expect(calls(STABLE)).toBe(2)
  })

  test('does not end the token that another instance has fetched since', async () => {
    const alice = await instance().codeExchange('dev-alice', signal)
    const [first, second] = [instance(), instance()]
    await Promise.all([first.accessToken(signal), second.accessToken(signal)])
    standIn.control.revokeTokens()
    await first.checkSession(alice.openid, alice.sessionKey, signal)

    const valid = await second.checkSession(alice.openid, alice.sessionKey, signal)

    expect(valid).toBe(true)
    expect(calls(STABLE)).toBe(2)
  })

  test('is given up when the next token is rejected too', async () => {
    standIn.control.fail({ endpoint: '/wxa/msg_sec_check', errcode: 40001 })

    const fault = await faultOf(
      instance().checkText({ content: 'hello', openid: 'o1', scene: 'comment' }, signal),
    )

    expect(fault.error).toBe('upstream_failed')
    expect(calls('/wxa/msg_sec_check')).toBe(2)
  })

  test.each([40014, 42001])('understands %i as well', async (errcode) => {
    const { openid } = await instance().codeExchange('dev-alice', signal)
    standIn.control.fail({ endpoint: '/wxa/msg_sec_check', errcode, times: 1 })

    const { suggest } = await instance().checkText({ content: 'hello', openid, scene: 'comment' }, signal)

    expect(suggest).toBe('pass')
  })
})
