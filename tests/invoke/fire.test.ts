import { beforeEach, describe, expect, test } from '@jest/globals'
import { fire } from '#scripts/invoke/fire/fire.ts'
import { EXAMPLES } from '#scripts/invoke/fire/push-messages.ts'
import { secret } from '#shared/secret.ts'
import { PushQuery } from '#shared/wechat/message-push-query.ts'
import { createMessagePush } from '#shared/wechat/message-push.ts'
import { APP_ID, startAsker } from '#tests/emulator/wechat/ask.ts'
import { startReceiver } from '#tests/emulator/wechat/push-receiver.ts'
import { parse } from 'valibot'

const { standIn } = await startAsker({ pushPauseMs: 0 })
const receiver = await startReceiver()
const token = 'tokenOfTheConsole'
const encodingAesKey = 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG'
const cloud = { api: receiver.url, wechatUrl: standIn.url }
beforeEach(() => {
  standIn.control.pushTo({ url: receiver.url, token, encodingAesKey, mode: 'secure', format: 'json' })
})

async function run(args: readonly string[], addresses: typeof cloud | undefined = cloud) {
  const [out, notes]: [string[], string[]] = [[], []]
  const surroundings = { out: (line: string) => out.push(line), note: (line: string) => notes.push(line) }
  const code = await fire(args, { runningOn: () => addresses, ...surroundings })
  return { code, out: out.join('\n'), notes }
}

/** The messages that arrived, opened. */
function arrived() {
  const push = createMessagePush({
    token: secret(token),
    encodingAesKey: secret(encodingAesKey),
    appId: APP_ID,
    clock: () => Date.UTC(2026, 10, 23, 4, 0, 10),
  })
  return receiver.received.map(({ url, body }) =>
    push.read(parse(PushQuery, Object.fromEntries(url.searchParams)), Buffer.from(body)),
  )
}

describe('npm run invoke -- fire push', () => {
  test.each(Object.keys(EXAMPLES))('pushes %s of a person, in every mode and format', async (event) => {
    const { openid } = standIn.control.mintLoginCode('bob')

    for (const format of ['json', 'xml'])
      for (const mode of ['compatible', 'secure']) {
        const way = ['--mode', mode, '--format', format]
        const { code, out } = await run(['push', '--event', event, '--user', 'bob', ...way])
        expect([code, out.replace(/\d+ ms/, 'n ms')]).toEqual([
          0,
          `push ${event} of bob (${mode}, ${format}): 200 success, n ms`,
        ])
      }

    const messages = arrived()
    expect(messages.map(({ format }) => format)).toEqual(['json', 'json', 'xml', 'xml'])
    for (const { fromUserName, event: pushed, msgType } of messages)
      expect([fromUserName, pushed ?? msgType]).toEqual([openid, event])
  })

  test('fields may be given, as text and as JSON', async () => {
    const fields = ['--set', 'RevokeInfo=8,14', '--set', 'List=[{"a":1}]']

    await run(['push', '--event', 'user_authorization_revoke', ...fields])

    expect(arrived()[0]?.fields).toMatchObject({ RevokeInfo: '8,14', List: [{ a: 1 }] })
  })

  test('duplicates are one message, all at once, and their answers are counted', async () => {
    receiver.answers = [1, 2, 3].map(() => [
      503,
      '{"error":"unavailable","details":[{"reason":"busy"}],"requestId":"1"}',
    ])
    const { code, out } = await run(['push', '--event', 'debug', '--duplicate', '250'])

    expect(code).toBe(0)
    expect(out).toMatch(/^push debug of alice \(secure, json\): 250 times at once, \d+ ms\n/)
    expect(out).toContain('200 success')
    expect(receiver.received).toHaveLength(253)
    expect(new Set(arrived().map(({ fields }) => JSON.stringify(fields))).size).toBe(1)
  })

  test('what is refused is told by its name, and fails', async () => {
    const refusal =
      '{"error":"signature_invalid","details":[{"reason":"encryption_required"}],"requestId":"1"}'
    receiver.answers = [1, 2, 3].map(() => [403, refusal])

    const { code, out } = await run(['push', '--event', 'debug', '--mode', 'plain'])

    expect(code).toBe(1)
    expect(out).toContain('403 signature_invalid, encryption_required (3 tries)')
  })

  test('a reply is shown, and silence too', async () => {
    receiver.answers = [[200, '{"MsgType":"transfer_customer_service"}']]
    const replied = await run(['push', '--event', 'text', '--mode', 'compatible'])
    standIn.control.pushTo({ url: 'http://127.0.0.1:1', token, mode: 'plain', format: 'json' })
    const unheard = await run(['push', '--event', 'text', '--mode', 'plain', '--no-fail'])

    expect(replied.out).toContain('200 {"MsgType":"transfer_customer_service"}')
    expect(unheard).toMatchObject({ code: 0, out: expect.stringContaining('no answer: no connection') })
  })

  test.each([
    [['push'], 'Say which: --event'],
    [['push', '--event', 'x', '--user', 'a b'], '--user is a name'],
    [['push', '--event', 'x', '--mode', 'safe'], '--mode is plain'],
    [['push', '--event', 'x', '--format', 'csv'], '--format is json'],
    [['push', '--event', 'x', '--set', 'nothing'], '--set looks like'],
    [['push', '--event', 'x', '--set', 'a={'], '--set takes JSON'],
    [['push', '--event', 'x', '--duplicate', '0'], '--duplicate must be'],
    [['push', '--event', 'x', '--nonsense'], "'--nonsense'"],
    [['constructor'], 'Nothing called constructor can be fired, only pay-success, '],
  ])('%j is refused in plain words', async (args, message) => {
    await expect(run(args)).rejects.toThrow(message)
    expect(receiver.received).toEqual([])
  })

  test('needs a local cloud, with a WeChat of its own', async () => {
    const push = ['push', '--event', 'x']
    const surroundings = { out: () => {}, note: () => {} }

    await expect(fire(push, { runningOn: () => undefined, ...surroundings })).rejects.toThrow('npm start')
    const real = () => ({ api: receiver.url })
    await expect(fire(push, { runningOn: real, ...surroundings })).rejects.toThrow('the real WeChat')
  })

  test.each([[[]], [['--help']], [['push', '--help']]])('%j lists what there is', async (args) => {
    const { code, out } = await run(args)

    expect(code).toBe(0)
    expect(out).toMatch(args[0] === 'push' ? /--mode.*plain, compatible or secure/ : /push .*WeChat pushes/)
  })
})
