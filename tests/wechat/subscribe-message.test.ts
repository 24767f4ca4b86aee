import { describe, expect, test } from '@jest/globals'
import { faultOf, startSetting } from './instances.ts'

const setting = await startSetting()
const { standIn, instance } = setting
const { signal } = new AbortController()
const SEND = '/cgi-bin/message/subscribe/send'

function message(openid: string) {
  return { openid, templateId: 'T-1', page: 'pages/order?no=1', values: { thing1: '月饼', amount2: '¥1.00' } }
}

const openidOf = (name: string) => standIn.control.mintLoginCode(name).openid

describe('sendSubscribeMessage', () => {
  test('reaches the user with its values, and WeChat tells of its arrival', async () => {
    const openid = openidOf('alice')

    await instance().sendSubscribeMessage(message(openid), signal)

    expect(standIn.control.sentMessages()).toEqual([
      {
        name: 'alice',
        openid,
        templateId: 'T-1',
        page: 'pages/order?no=1',
        data: { thing1: '月饼', amount2: '¥1.00' },
      },
    ])
  })

  test('takes another token where the first is rejected', async () => {
    const wechat = instance()
    await wechat.accessToken(signal)
    standIn.control.revokeTokens()

    await wechat.sendSubscribeMessage(message(openidOf('alice')), signal)

    expect(setting.calls(SEND)).toBe(2)
    expect(standIn.control.sentMessages()).toHaveLength(1)
  })

  test.each([
    [43101, 'forbidden', 'subscription_refused'],
    [43107, 'forbidden', 'subscription_banned'],
    [40037, 'validation_failed', 'template_unknown'],
    [45168, 'validation_failed', 'sensitive_word'],
    [47003, 'validation_failed', 'argument_invalid'],
    [40003, 'validation_failed', 'openid_unknown'],
    [43108, 'rate_limited', undefined],
    [45011, 'rate_limited', undefined],
    [-1, 'upstream_failed', undefined],
  ] as const)('the errcode %i is %s, and the call is made once', async (errcode, error, reason) => {
    standIn.control.fail({ endpoint: SEND, errcode })

    const fault = await faultOf(instance().sendSubscribeMessage(message(openidOf('alice')), signal))

    expect(fault.error).toBe(error)
    expect(fault.details).toEqual(reason === undefined ? [] : [{ reason }])
    expect(setting.calls(SEND)).toBe(1)
  })

  test('a value that the template cannot take is refused', async () => {
    const long = { ...message(openidOf('alice')), values: { thing1: 'x'.repeat(21) } }

    const fault = await faultOf(instance().sendSubscribeMessage(long, signal))

    expect(fault.details).toEqual([{ reason: 'argument_invalid' }])
  })
})
