import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { amountText, FIELD_NAME, fitField } from '#shared/wechat/subscribe-fields.ts'

describe('a value of a subscribe message', () => {
  test.each([
    ['thing1', '月饼礼盒', '月饼礼盒'],
    ['thing1', '一'.repeat(25), '一'.repeat(20)],
    ['thing1', `${'一'.repeat(19)}😀😀`, '一'.repeat(19)],
    ['thing1', '  ', undefined],
    ['number2', '12.5', '12.5'],
    ['number2', '9'.repeat(33), undefined],
    ['number2', '12 件', undefined],
    ['letter3', 'ab-c 月', 'abc'],
    ['symbol4', '!!!!!!', '!!!!!'],
    ['character_string5', 'no 月饼-1', 'no-1'],
    ['time6', '2026-11-23T16:05:00.000Z', '2026年11月24日 00:05'],
    ['date7', '2026年11月24日', '2026年11月24日'],
    ['time6', 'yesterday', undefined],
    ['amount8', '¥199.00', '¥199.00'],
    ['amount8', '199.00元', '199.00元'],
    ['amount8', '12345678901', undefined],
    ['phone_number9', '+86 13800000001', '+86 13800000001'],
    ['car_number10', '粤A8Z888', '粤A8Z888'],
    ['name11', '欧阳娜娜娜娜娜娜娜娜娜娜', '欧阳娜娜娜娜娜娜娜娜'],
    ['name11', 'Alexandra Constantinopolis', 'Alexandra Constantin'],
    ['phrase12', '已经付款了啊', '已经付款了'],
    ['phrase12', 'paid', undefined],
  ])('%s %j is %j', (name, text, value) => {
    expect(fitField(name, text)).toBe(value)
  })

  test('is never longer than its field, never half a character, and fits as it is the next time', () => {
    const longest = { thing: 20, letter: 32, symbol: 5, character_string: 32, name: 20, phrase: 5 }
    const field = fc.constantFrom(...Object.entries(longest))
    fc.assert(
      fc.property(field, fc.string({ unit: 'grapheme', maxLength: 60 }), ([kind, chars], text) => {
        const value = fitField(`${kind}1`, text)
        if (value === undefined) return
        expect(value.length).toBeLessThanOrEqual(chars)
        expect(value.isWellFormed()).toBe(text.trim().isWellFormed())
        expect(fitField(`${kind}1`, value)).toBe(value)
      }),
    )
  })

  test('of no known kind is a mistake in the settings, which their form refuses', () => {
    expect(() => fitField('thin1', 'x')).toThrow(TypeError)
    expect(['thing', 'thing1x', 'constructor1', ''].filter((name) => FIELD_NAME.test(name))).toEqual([])
  })

  test('of money is in yuan with two digits', () => {
    expect([1, 100, 19_900, 123_456_789].map(amountText)).toEqual([
      '¥0.01',
      '¥1.00',
      '¥199.00',
      '¥1234567.89',
    ])
  })
})
