import { beforeEach, describe, expect, test } from '@jest/globals'
import { type Fields, startAsker } from './ask.ts'
import { startReceiver } from './push-receiver.ts'

const asker = await startAsker({ pushTimeoutMs: 200, pushPauseMs: 0, mediaCheckMs: 0 })
const receiver = await startReceiver()
const { control } = asker.standIn
beforeEach(() => control.pushTo({ url: receiver.url, token: 'token', mode: 'plain', format: 'json' }))

/** Has a file checked and gives the answer. */
async function check(name: string, changes: Fields = {}): Promise<Fields> {
  const { openid } = await asker.logIn('dev-alice')
  const media = { media_url: `${receiver.url}/files/${name}`, media_type: 2, version: 2, scene: 1, openid }
  const query = { access_token: await asker.token() }
  return asker.post('/wxa/media_check_async', { ...media, ...changes }, query)
}

async function verdicts(): Promise<readonly Fields[]> {
  await control.mediaSettled()
  return receiver.received.map(({ body }) => JSON.parse(body))
}

describe('POST /wxa/media_check_async of the stand-in', () => {
  test.each([
    ['a picture', 'pass', 100],
    ['a picture with xiaohan-risky in it', 'risky', 20002],
    ['a picture with xiaohan-review in it', 'review', 21000],
  ])('finds %s to be %s and pushes that under the trace it gave', async (content, suggest, label) => {
    receiver.files.set('a.jpg', Buffer.from(`\xff\xd8${content}`, 'latin1'))

    const answer = await check('a.jpg')

    expect(answer).toEqual({ errcode: 0, errmsg: 'ok', trace_id: expect.stringMatching(/^[0-9a-f]{24}$/) })
    expect(await verdicts()).toMatchObject([
      {
        MsgType: 'event',
        Event: 'wxa_media_check',
        appid: 'wx0123456789abcdef',
        trace_id: answer['trace_id'],
        version: 2,
        errcode: 0,
        detail: [{ suggest, label }],
        result: { suggest, label },
      },
    ])
  })

  test.each([
    ['a file that is not there', 'none.jpg'],
    ['a file of more than 10 MB', 'large.jpg'],
  ])('says that it could not fetch %s', async (_, name) => {
    receiver.files.set('large.jpg', Buffer.alloc(10 * 1024 * 1024 + 1))

    const { trace_id: traceId } = await check(name)

    const [verdict] = await verdicts()
    expect(verdict).toMatchObject({ trace_id: traceId, errcode: -1008 })
    expect(verdict).not.toHaveProperty('result')
  })

  test('says that it could not fetch from nobody', async () => {
    await check('', { media_url: 'http://127.0.0.1:1/a.jpg' })

    expect(await verdicts()).toMatchObject([{ errcode: -1008 }])
  })

  test('finds what is scripted, that often, and then what is in the file', async () => {
    receiver.files.set('a.jpg', Buffer.from('a picture'))
    control.nextVerdict({ suggest: 'risky', label: 20001, duplicates: 1 })
    control.nextVerdict({ errcode: -1010, times: 2 })

    for (let times = 0; times < 4; times += 1) {
      await check('a.jpg')
      await control.mediaSettled()
    }

    expect(await verdicts()).toMatchObject([
      { result: { suggest: 'risky', label: 20001 } },
      { result: { suggest: 'risky', label: 20001 } },
      { errcode: -1010 },
      { errcode: -1010 },
      { result: { suggest: 'pass', label: 100 } },
    ])
    expect(receiver.received[0]?.body).toBe(receiver.received[1]?.body)
  })

  test('says nothing when that is scripted, and still knows what it looked at', async () => {
    receiver.files.set('a.jpg', Buffer.from('a picture'))
    control.nextVerdict({ never: true })

    const { trace_id: traceId } = await check('a.jpg')

    expect(await verdicts()).toEqual([])
    expect(control.mediaChecks()).toMatchObject([{ traceId, sizeBytes: 9, verdict: { suggest: 'pass' } }])
  })

  test('pushes a verdict again until it is received', async () => {
    receiver.files.set('a.jpg', Buffer.from('a picture'))
    receiver.answers = [
      [503, ''],
      [503, ''],
    ]

    await check('a.jpg')
    await control.mediaSettled()

    expect(control.pushes()).toMatchObject([{ tries: ['503', '503', '200 success'], isReceived: true }])
  })

  test('forgets checks on reset, those under way included', async () => {
    control.nextVerdict({ delayMs: 60_000 })
    await check('a.jpg')

    control.reset()

    expect(await verdicts()).toEqual([])
    expect(control.mediaChecks()).toEqual([])
  })

  test('is scripted and looked at over HTTP', async () => {
    const url = `${asker.standIn.url}/_control`
    await fetch(`${url}/media-verdicts`, { method: 'POST', body: JSON.stringify({ suggest: 'review' }) })

    await check('a.jpg')
    await control.mediaSettled()

    const listed = await fetch(`${url}/media-checks`)
    expect(await listed.json()).toMatchObject([{ verdict: { suggest: 'review', errcode: 0 } }])
  })

  test.each([
    ['a user whose last visit is over 2 hours ago', {}, 61010, 7_200_001],
    ['an unknown openid', { openid: 'o-nobody' }, 40003, 0],
    ['an unknown scene', { scene: 9 }, 40129, 0],
    ['the older version', { version: 1 }, 47001, 0],
    ['an unknown kind of media', { media_type: 3 }, 47001, 0],
    ['no URL', { media_url: 'file:///etc/passwd' }, 47001, 0],
  ])('refuses %s', async (_, changes, errcode, laterMs) => {
    const { openid } = await asker.logIn('dev-bob')
    asker.now += laterMs

    expect(await check('a.jpg', { openid, ...changes })).toMatchObject({ errcode })
    expect(control.mediaChecks()).toEqual([])
  })

  test('refuses a token that is not one', async () => {
    expect(await asker.post('/wxa/media_check_async', {}, { access_token: 'x'.repeat(120) })).toMatchObject({
      errcode: 40001,
    })
  })
})
