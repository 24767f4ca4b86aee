import { describe, expect, test } from '@jest/globals'
import { faultOf, startSetting } from './instances.ts'

const setting = await startSetting()
const { standIn, instance, calls } = setting
const { signal } = new AbortController()
const PHONE = '/wxa/business/getuserphonenumber'
const TEXT = '/wxa/msg_sec_check'

describe('phoneNumber', () => {
  test('gives the number in E.164', async () => {
    const { code } = standIn.control.mintPhoneCode('13800000001', 'alice')
    const { openid } = standIn.control.mintLoginCode('alice')

    const phone = await instance().phoneNumber(code, openid, signal)

    expect(phone).toEqual({ number: '+8613800000001', countryCode: '86', nationalNumber: '13800000001' })
  })

  test("refuses a used, an unknown and another user's code", async () => {
    const wechat = instance()
    const { code } = standIn.control.mintPhoneCode('13800000001', 'alice')
    const { openid } = standIn.control.mintLoginCode('alice')

    const another = await faultOf(
      wechat.phoneNumber(standIn.control.mintPhoneCode('13800000001', 'bob').code, openid, signal),
    )
    await wechat.phoneNumber(code, openid, signal)
    const used = await faultOf(wechat.phoneNumber(code, openid, signal))
    const unknown = await faultOf(wechat.phoneNumber('nonsense', openid, signal))

    for (const fault of [another, used, unknown]) {
      expect(fault).toMatchObject({ error: 'validation_failed', details: [{ reason: 'phone_code_invalid' }] })
    }
  })

  test('refuses the number of another mini-program and one that is over 5 minutes old', async () => {
    const at = (timestampS: number, appid: string) => {
      const watermark = { timestamp: timestampS, appid }
      const info = {
        phoneNumber: '13800000001',
        purePhoneNumber: '13800000001',
        countryCode: '86',
        watermark,
      }
      standIn.control.fail({
        endpoint: PHONE,
        body: JSON.stringify({ errcode: 0, phone_info: info }),
        times: 1,
      })
      return instance().phoneNumber('any', 'o1', signal)
    }
    const nowS = setting.now / 1_000

    const fresh = await at(nowS - 300, 'wx0123456789abcdef')
    const faults = [
      await faultOf(at(nowS, 'wx-another')),
      await faultOf(at(nowS - 301, 'wx0123456789abcdef')),
      await faultOf(at(nowS + 301, 'wx0123456789abcdef')),
    ]

    expect(fresh.number).toBe('+8613800000001')
    expect(faults.map(({ error }) => error)).toEqual([
      'upstream_failed',
      'upstream_failed',
      'upstream_failed',
    ])
  })

  test('does not send a code again when WeChat is busy', async () => {
    standIn.control.fail({ endpoint: PHONE, errcode: -1 })

    const fault = await faultOf(instance().phoneNumber('dev-phone-13800000001', 'o1', signal))

    expect(fault.error).toBe('upstream_failed')
    expect(calls(PHONE)).toBe(1)
  })
})

describe('checkText', () => {
  test.each([
    ['hello', 'pass', 100],
    ['一起赌博', 'risky', 20006],
    ['加微信', 'review', 10001],
  ])('tells WeChat’s opinion of %s', async (content, suggest, label) => {
    const wechat = instance()
    const { openid } = await wechat.codeExchange('dev-alice', signal)

    const verdict = await wechat.checkText({ content, openid, scene: 'profile', nickname: 'Alice' }, signal)

    expect(verdict).toEqual({ suggest, label, traceId: expect.stringMatching(/./) })
  })

  test('asks once more when WeChat is busy, and not a third time', async () => {
    const wechat = instance()
    const { openid } = await wechat.codeExchange('dev-alice', signal)
    standIn.control.fail({ endpoint: TEXT, errcode: -1, times: 3 })

    const busy = await faultOf(wechat.checkText({ content: 'hello', openid, scene: 'comment' }, signal))
    const { suggest } = await wechat.checkText({ content: 'hello', openid, scene: 'comment' }, signal)

    expect(busy.error).toBe('upstream_failed')
    expect(suggest).toBe('pass')
    expect(calls(TEXT)).toBe(4)
  })

  test('tells that a user who has been away must log in first', async () => {
    const wechat = instance()
    const { openid } = await wechat.codeExchange('dev-alice', signal)
    setting.now += 7_200_001

    const fault = await faultOf(wechat.checkText({ content: 'hello', openid, scene: 'comment' }, signal))

    expect(fault).toMatchObject({ error: 'forbidden', details: [{ reason: 'wechat_visit_too_old' }] })
  })

  test('refuses a text that is too long as our own mistake', async () => {
    const checking = instance().checkText(
      { content: 'x'.repeat(2_501), openid: 'o1', scene: 'comment' },
      signal,
    )

    await expect(checking).rejects.toThrow(RangeError)
  })
})

describe('the session_key calls', () => {
  test('tell whether a session_key is current', async () => {
    const wechat = instance()
    const old = await wechat.codeExchange('dev-alice.1', signal)
    const current = await wechat.codeExchange('dev-alice.2', signal)

    const answers = [
      await wechat.checkSession(old.openid, old.sessionKey, signal),
      await wechat.checkSession(current.openid, current.sessionKey, signal),
    ]

    expect(answers).toEqual([false, true])
  })

  test('replace a session_key once', async () => {
    const wechat = instance()
    const { openid, sessionKey } = await wechat.codeExchange('dev-alice', signal)

    const reset = await wechat.resetSessionKey(openid, sessionKey, signal)
    const again = await faultOf(wechat.resetSessionKey(openid, sessionKey, signal))

    expect(await wechat.checkSession(openid, reset.sessionKey, signal)).toBe(true)
    expect(again).toMatchObject({ error: 'forbidden', details: [{ reason: 'wechat_session_stale' }] })
  })

  test('list the keys for encrypting between client and server', async () => {
    const wechat = instance()
    const { openid, sessionKey } = await wechat.codeExchange('dev-alice', signal)

    const keys = await wechat.userEncryptKeys(openid, sessionKey, signal)

    expect(keys).toMatchObject([{ version: 1, expiresInS: 3_600, createdAtS: setting.now / 1_000 }])
    expect(Buffer.from(keys[0]?.key ?? '', 'base64')).toHaveLength(16)
  })

  test('pass on other failures', async () => {
    const fault = await faultOf(instance().checkSession('o-nobody', 'AAAAAAAAAAAAAAAAAAAAAA==', signal))

    expect(fault.error).toBe('validation_failed')
  })
})
