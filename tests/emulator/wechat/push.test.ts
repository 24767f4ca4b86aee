import { beforeEach, describe, expect, test } from '@jest/globals'
import { parse } from 'valibot'
import { secret } from '#shared/secret.ts'
import { createMessagePush } from '#shared/wechat/message-push.ts'
import { PushQuery } from '#shared/wechat/message-push-query.ts'
import type { PushTarget } from '#scripts/emulator/wechat/push-request.ts'
import { APP_ID, START, startAsker } from './ask.ts'
import { type Received, startReceiver } from './push-receiver.ts'

const asker = await startAsker({ pushTimeoutMs: 200, pushPauseMs: 0, mediaCheckMs: 0 })
const receiver = await startReceiver()
const { control } = asker.standIn
const token = 'tokenOfTheConsole'
const encodingAesKey = 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG'
const plain: PushTarget = { url: `${receiver.url}/push?tenant=1`, token, mode: 'plain', format: 'json' }
beforeEach(() => control.pushTo(plain))

const MODES = (['plain', 'compatible', 'secure'] as const).flatMap((mode) =>
  (['json', 'xml'] as const).map((format) => ({ mode, format })),
)

function read({ url, body }: Received, mode: PushTarget['mode']) {
  const key = mode === 'plain' ? {} : { encodingAesKey: secret(encodingAesKey) }
  const push = createMessagePush({ token: secret(token), ...key, appId: APP_ID, clock: () => asker.now })
  return push.read(parse(PushQuery, Object.fromEntries(url.searchParams)), Buffer.from(body))
}

describe('a push of the stand-in', () => {
  test.each(MODES)('in the $mode mode in $format is read by its receiver', async ({ mode, format }) => {
    control.pushTo({ ...plain, encodingAesKey, mode, format })

    const { isReceived, tries } = await control.push({ Event: 'debug_demo', debug_str: '你好 ]]> <b>&' })

    const [push] = receiver.received as [Received]
    expect({ isReceived, tries }).toEqual({ isReceived: true, tries: ['200 success'] })
    expect(push.method).toBe('POST')
    expect(push.contentType).toBe(format === 'json' ? 'application/json' : 'text/xml')
    expect(push.url.searchParams.get('tenant')).toBe('1')
    expect(push.body.includes('debug_demo')).toBe(mode !== 'secure')
    expect(read(push, mode)).toMatchObject({
      createTimeS: Math.floor(START / 1_000),
      msgType: 'event',
      event: 'debug_demo',
      fields: { debug_str: '你好 ]]> <b>&' },
      format,
    })
  })

  test('carries any message, with the fields that all have where it lacks them', async () => {
    await control.push({ MsgType: 'text', FromUserName: 'o1', Content: 'hi', MsgId: '24012345678901234567' })

    expect(read(receiver.received[0] as Received, 'plain')).toMatchObject({
      fromUserName: 'o1',
      msgType: 'text',
      msgId: '24012345678901234567',
      toUserName: expect.stringMatching(/^gh_/),
    })
  })

  test.each([
    ['an error', [503, 'success'] as const, '503 success'],
    ['another text', [200, 'ok'] as const, '200 ok'],
    ['silence', 'silent' as const, 'no answer in time'],
  ])('is tried three times when the answer is %s', async (_, answer, said) => {
    receiver.answers = [answer, answer, answer, answer]

    const { isReceived, tries } = await control.push({ Event: 'debug_demo' })

    expect({ isReceived, tries }).toEqual({ isReceived: false, tries: [said, said, said] })
    expect(receiver.received.map(({ body }) => body)).toEqual(
      Array.from({ length: 3 }, () => receiver.received[0]?.body),
    )
    expect(new Set(receiver.received.map(({ url }) => url.searchParams.get('nonce'))).size).toBe(3)
  })

  test('is over once it is received, by an empty answer as well', async () => {
    receiver.answers = [
      [500, ''],
      [200, ''],
    ]

    const { tries } = await control.push({ Event: 'debug_demo' })

    expect(tries).toEqual(['500', '200'])
  })

  test('is tried three times where nobody listens', async () => {
    control.pushTo({ ...plain, url: 'http://127.0.0.1:1' })

    const { tries } = await control.push({ Event: 'debug_demo' })

    expect(tries).toEqual(['no connection', 'no connection', 'no connection'])
  })

  test('is preceded by a question for the echo of the URL, whose right answer no fixed text is', async () => {
    expect(await control.askUrl()).toBe(false)
    expect(receiver.received[0]).toMatchObject({ method: 'GET' })
    expect(receiver.received[0]?.url.searchParams.get('echostr')).toMatch(/^\d{1,20}$/)
  })

  test.each(['compatible', 'secure'] as const)('in the %s mode is not possible without a key', (mode) => {
    expect(() => control.pushTo({ ...plain, mode })).toThrow('needs an encodingAesKey')
    expect(() => control.pushTo({ ...plain, mode, encodingAesKey: 'short' })).toThrow(TypeError)
  })

  test('can be sent and looked at over HTTP', async () => {
    const post = (path: string, body: unknown) =>
      fetch(`${asker.standIn.url}/_control/${path}`, { method: 'POST', body: JSON.stringify(body) })

    const pointed = await post('push-target', plain)
    const pushed = await post('pushes', { Event: 'debug_demo' })
    const listed = await fetch(`${asker.standIn.url}/_control/pushes`)
    const wrong = await post('push-target', { ...plain, mode: 'secure' })

    expect([pointed.status, pushed.status, wrong.status]).toEqual([200, 200, 400])
    expect(await pushed.json()).toMatchObject({ isReceived: true, message: { Event: 'debug_demo' } })
    expect(await listed.json()).toMatchObject([{ tries: ['200 success'] }])
  })

  test('goes to the same place after a reset, which forgets what was pushed', async () => {
    await control.push({ Event: 'before' })

    control.reset()
    await control.push({ Event: 'after' })

    expect(control.pushes().map(({ message }) => message['Event'])).toEqual(['after'])
  })
})
