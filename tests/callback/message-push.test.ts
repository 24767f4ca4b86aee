import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { pushRequest, type PushTarget } from '#scripts/emulator/wechat/push-request.ts'
import { Fault } from '#shared/errors.ts'
import { signRequest } from '#shared/signing/sign-request.ts'
import { testInvocation } from '#tests/invocation.ts'
import { APP_ID, type CallbackSetting, type Served, startCallback } from './start-callback.ts'

let setting: CallbackSetting
beforeAll(async () => {
  setting = await startCallback()
}, 30_000)
afterAll(() => setting?.close())
beforeEach(() => {
  setting.verdicts.length = 0
  setting.failures = []
  setting.log.length = 0
  setting.wechat.control.reset()
})

/** Another one for each test, since the same is taken once. */
let VERDICT: Readonly<Record<string, unknown>>
beforeEach(() => {
  const result = { suggest: 'risky', label: 20001 }
  VERDICT = { MsgType: 'event', Event: 'wxa_media_check', trace_id: randomUUID(), errcode: 0, result }
})

const WAYS = [
  ['plain', 'plain'],
  ['plain', 'compatible'],
  ['sealed', 'compatible'],
  ['sealed', 'secure'],
].flatMap(([served, mode]) => (['json', 'xml'] as const).map((format) => ({ served, mode, format }))) as {
  served: 'plain' | 'sealed'
  mode: PushTarget['mode']
  format: PushTarget['format']
}[]

describe('pushes of WeChat', () => {
  test.each(WAYS)('a $served function takes a verdict in the $mode mode in $format', async (way) => {
    setting.pushTo(setting[way.served], way)

    const asked = await setting.wechat.control.askUrl()
    const { tries } = await setting.wechat.control.push(VERDICT)

    expect({ asked, tries }).toEqual({ asked: true, tries: ['200 success'] })
    expect(setting.verdicts).toEqual([
      { traceId: VERDICT['trace_id'], suggest: 'risky', label: 20001, errcode: 0 },
    ])
  })

  test.each(['json', 'xml'] as const)(
    'a file that could not be fetched has not passed, in %s',
    async (format) => {
      setting.pushTo(setting.sealed, { mode: 'secure', format })

      await setting.wechat.control.push({
        ...VERDICT,
        errcode: -1008,
        result: { suggest: 'pass', label: 100 },
      })
      const other = { Event: 'wxa_media_check', trace_id: `other-${format}`, errcode: -1008 }
      await setting.wechat.control.push(other)

      expect(setting.verdicts).toMatchObject([
        { suggest: 'review', label: 0, errcode: -1008 },
        { traceId: `other-${format}`, suggest: 'review', label: 0, errcode: -1008 },
      ])
    },
  )

  test.each([
    ['event', { MsgType: 'event', Event: 'user_enter_tempsession' }],
    ['event by the name of what every object has', { MsgType: 'event', Event: 'constructor' }],
    ['message', { MsgType: 'shortvideo', Content: 'my secret', FromUserName: 'o-alice', MsgId: '1' }],
  ])('an unknown %s is received and noted by its name alone', async (_, message) => {
    setting.pushTo(setting.sealed, { mode: 'secure', format: 'json' })

    const { tries } = await setting.wechat.control.push(message)

    expect(tries).toEqual(['200 success'])
    expect(setting.logged('callback.ignored')).toMatchObject({
      level: 'info',
      msgType: message.MsgType,
    })
    expect(setting.log.join('\n')).not.toMatch(/my secret|o-alice/)
  })

  test('a verdict that cannot be taken is pushed again, until it can', async () => {
    setting.pushTo(setting.sealed, { mode: 'secure', format: 'json' })
    setting.failures = [new Fault('unavailable'), new TypeError('A mistake of ours')]

    const { tries } = await setting.wechat.control.push(VERDICT)

    expect(tries.map((said) => said.slice(0, 3))).toEqual(['503', '503', '200'])
    expect(setting.verdicts).toHaveLength(1)
    expect(setting.logged('callback.failed')).toMatchObject({ level: 'error', pushed: 'wxa_media_check' })
  })

  test('an event of another shape than ours fails loudly', async () => {
    setting.pushTo(setting.sealed, { mode: 'secure', format: 'json' })

    const { tries } = await setting.wechat.control.push({ Event: 'wxa_media_check', isrisky: 0 })

    expect(tries.map((said) => said.slice(0, 3))).toEqual(['503', '503', '503'])
    expect(setting.logged('http.refused')).toMatchObject({ error: 'unavailable' })
    expect(setting.verdicts).toEqual([])
  })

  test('no secret and no name of a person stands in the log', async () => {
    setting.pushTo(setting.sealed, { mode: 'secure', format: 'json' })
    await setting.wechat.control.push({ ...VERDICT, FromUserName: 'o-alice' })
    setting.pushTo(setting.sealed, { mode: 'plain', format: 'json' })
    await setting.wechat.control.push({ ...VERDICT, FromUserName: 'o-alice' })

    const log = setting.log.join('\n')
    expect(setting.log.length).toBeGreaterThan(2)
    for (const secret of [setting.token, setting.aesKey, 'o-alice', 'msg_signature'])
      expect(log).not.toContain(secret)
  })
})

describe('pushes of anybody else', () => {
  const sender = () => ({ appId: APP_ID, nowMs: Date.now() })

  function target(mode: PushTarget['mode'], changes: Partial<PushTarget> = {}): PushTarget {
    const { token, aesKey: encodingAesKey } = setting
    return { url: setting.sealed.url, token, encodingAesKey, mode, format: 'json', ...changes }
  }

  async function send({ app }: Served, { url, body }: { readonly url: URL; readonly body: string }) {
    const response = await app.fetch(new Request(url, { method: 'POST', body }), testInvocation())
    return { status: response.status, body: JSON.parse(await response.text()) }
  }

  test('are refused in plain where there is a key, and WeChat is told what to set', async () => {
    const answer = await send(setting.sealed, pushRequest(target('plain'), VERDICT, sender()))

    expect(answer).toMatchObject({
      status: 403,
      body: { code: 40301, error: 'signature_invalid', details: [{ reason: 'encryption_required' }] },
    })
    expect(setting.logged('http.refused')).toMatchObject({ causes: [expect.stringMatching(/secure mode/)] })
    expect(setting.verdicts).toEqual([])
  })

  test.each([
    ['another token', () => pushRequest(target('secure', { token: 'otherToken' }), VERDICT, sender())],
    [
      'another key',
      () => pushRequest(target('secure', { encodingAesKey: `x${'B1'.repeat(21)}` }), VERDICT, sender()),
    ],
    [
      'another mini-program',
      () => pushRequest(target('secure'), VERDICT, { ...sender(), appId: 'wx-other' }),
    ],
    ['a token of plain mode', () => pushRequest(target('plain', { token: 'otherToken' }), VERDICT, sender())],
  ])('are refused with %s', async (_, forged) => {
    const answer = await send(setting.sealed, forged())

    expect(answer).toMatchObject({ status: 403, body: { code: 40301 } })
    expect(setting.verdicts).toEqual([])
  })

  test('are refused with another token where there is no key', async () => {
    const forged = pushRequest(target('plain', { token: 'otherToken' }), VERDICT, sender())

    expect(await send(setting.plain, forged)).toMatchObject({
      status: 403,
      body: { code: 40301, details: [] },
    })
    expect(setting.verdicts).toEqual([])
  })

  test.each(['timestamp', 'nonce', 'msg_signature'])('are refused without %s', async (name) => {
    const push = pushRequest(target('secure'), VERDICT, sender())
    push.url.searchParams.delete(name)

    expect(await send(setting.sealed, push)).toMatchObject({
      status: 400,
      body: { code: 40002, details: [{ path: name }] },
    })
  })

  test('are refused when one was read elsewhere and is repeated a day later', async () => {
    const nowMs = Date.now() - 86_401_000

    const answer = await send(setting.sealed, pushRequest(target('secure'), VERDICT, { ...sender(), nowMs }))

    expect(answer).toMatchObject({ status: 403, body: { error: 'clock_skew' } })
  })

  test.each([
    ['no body', '', 400],
    ['XML with a document type', '<!DOCTYPE xml [<!ENTITY a "b">]><xml><Encrypt>&a;</Encrypt></xml>', 400],
    ['a body of more than 64 KB', `{"a":"${'x'.repeat(64 * 1024)}"}`, 413],
  ])('are refused with %s', async (_, body, status) => {
    const { url } = pushRequest(target('secure'), VERDICT, sender())

    expect((await send(setting.sealed, { url, body })).status).toBe(status)
  })

  test('a signature of the project’s own changes nothing', async () => {
    const { url, body } = pushRequest(target('secure'), VERDICT, sender())
    const request = await signRequest(new Request(url, { method: 'POST', body }), setting.partner)

    const response = await setting.sealed.app.fetch(request, testInvocation())

    expect([response.status, await response.text()]).toEqual([200, 'success'])
  })
})

describe('the answer', () => {
  test('is plain text that no browser takes for anything else, and never kept', async () => {
    setting.pushTo(setting.sealed, { mode: 'secure', format: 'json' })
    const { url, token, aesKey } = { ...setting.sealed, token: setting.token, aesKey: setting.aesKey }
    const to = { url, token, encodingAesKey: aesKey, mode: 'secure', format: 'json' } as const
    const push = pushRequest(to, VERDICT, { appId: APP_ID, nowMs: Date.now() })

    const { headers } = await fetch(push.url, { method: 'POST', body: push.body })

    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      'content-length': '7',
    })
  })

  test('to a question that WeChat did not ask echoes nothing', async () => {
    const query = 'signature=f464b24fc39322e44b38aa78f5edd27bd1441696&timestamp=1714036504&nonce=1514711492'

    const response = await fetch(`${setting.sealed.url}?${query}&echostr=${encodeURIComponent('<script>')}`)

    expect(response.status).toBe(403)
    expect(await response.text()).not.toContain('script')
  })
})
