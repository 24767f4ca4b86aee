import { describe, expect, test } from '@jest/globals'
import { APP_ID, type Fields, START, startAsker } from './ask.ts'

const asker = await startAsker()

async function phone(body: Fields): Promise<Fields> {
  return asker.post('/wxa/business/getuserphonenumber', body, { access_token: await asker.token() })
}

async function check(openid: unknown, more: Fields = {}): Promise<Fields> {
  const body = { content: 'hello', version: 2, scene: 1, openid, ...more }
  return asker.post('/wxa/msg_sec_check', body, { access_token: await asker.token() })
}

describe('POST /wxa/business/getuserphonenumber of the stand-in', () => {
  test('gives a fixed code its number with a watermark, again and again', async () => {
    const answers = [
      await phone({ code: 'dev-phone-13800000001' }),
      await phone({ code: 'dev-phone-13800000001' }),
    ]

    expect(answers[0]).toMatchObject({
      errcode: 0,
      phone_info: {
        phoneNumber: '13800000001',
        purePhoneNumber: '13800000001',
        countryCode: '86',
        watermark: { appid: APP_ID, timestamp: START / 1_000 },
      },
    })
    expect(answers[1]).toEqual(answers[0])
  })

  test('takes a minted code once, for 5 minutes, and for its user only', async () => {
    const { control } = asker.standIn
    const { openid } = control.mintLoginCode('alice')
    const [mine, late] = [
      control.mintPhoneCode('13800000001', 'alice').code,
      control.mintPhoneCode('13800000001').code,
    ]

    const taken = await phone({ code: mine, openid })
    const again = await phone({ code: mine, openid })
    const another = await phone({ code: control.mintPhoneCode('13800000001', 'alice').code, openid: 'o-bob' })
    asker.now += 300_000
    const expired = await phone({ code: late })

    expect(taken).toMatchObject({ errcode: 0 })
    expect([again, another, expired]).toMatchObject([
      { errcode: 40163 },
      { errcode: 40029 },
      { errcode: 40029 },
    ])
  })

  test('refuses a login code and no code', async () => {
    expect(await phone({ code: 'dev-alice' })).toMatchObject({ errcode: 40029 })
    expect(await phone({})).toMatchObject({ errcode: 41008 })
  })
})

describe('POST /wxa/msg_sec_check of the stand-in', () => {
  test.each([
    ['hello', 'pass', 100],
    ['一起赌博', 'risky', 20006],
    ['[review] me', 'review', 21000],
  ])('judges %s', async (content, suggest, label) => {
    const { openid } = await asker.logIn('dev-alice')

    expect(await check(openid, { content })).toMatchObject({
      errcode: 0,
      trace_id: expect.stringMatching(/^[0-9a-f]{24}$/),
      result: { suggest, label },
    })
  })

  test('judges the nickname along with the text', async () => {
    const { openid } = await asker.logIn('dev-alice')

    expect(await check(openid, { nickname: '[risky]' })).toMatchObject({ result: { suggest: 'risky' } })
  })

  test('refuses a user whose last visit is over 2 hours ago', async () => {
    const { openid } = await asker.logIn('dev-alice')

    asker.now += 7_200_000
    const inTime = await check(openid)
    asker.now += 1
    const late = await check(openid)

    expect([inTime, late]).toMatchObject([{ errcode: 0 }, { errcode: 61010 }])
  })

  test.each([
    ['an unknown openid', { openid: 'o-nobody' }, 40003],
    ['an unknown scene', { scene: 9 }, 40129],
    ['the older version', { version: 1 }, 47001],
    ['no text', { content: '' }, 47001],
    ['a text that is too long', { content: 'x'.repeat(2_501) }, 45002],
  ])('refuses %s', async (_, change, errcode) => {
    const { openid } = await asker.logIn('dev-alice')

    expect(await check(openid, change)).toMatchObject({ errcode })
  })
})
