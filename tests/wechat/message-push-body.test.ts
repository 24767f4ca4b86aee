import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { messageXml } from '#shared/wechat/message-xml.ts'
import { Fault } from '#shared/errors.ts'
import { readPushBody } from '#shared/wechat/message-push-body.ts'
import { thrown } from './push-setting.ts'

const LAUGHS = Array.from({ length: 9 }, (_, at) => `<!ENTITY l${at + 1} "${`&l${at};`.repeat(10)}">`).join(
  '',
)

describe('a push in XML', () => {
  test('is read as it is written: declaration, text, CDATA, references, empty and repeated elements', () => {
    const xml = `\uFEFF<?xml version="1.0" encoding="UTF-8"?>
<xml>
  <Text>a&amp;b&#x20;&#20989;&lt;&gt;&quot;&apos;</Text>
  <Raw><![CDATA[<a>&amp;]] ]></a>]]></Raw><Empty/><Empty></Empty >
  <List><Item><Id>1</Id></Item><Item><Id>2</Id></Item></List>
  <Two><![CDATA[a]]><![CDATA[b]]></Two><__proto__>x</__proto__>
</xml>
`

    const { format, fields } = readPushBody(xml)

    expect(format).toBe('xml')
    expect(Object.entries(fields)).toEqual([
      ['Text', `a&b 函<>"'`],
      ['Raw', '<a>&amp;]] ]></a>'],
      ['Empty', ['', '']],
      ['List', { Item: [{ Id: '1' }, { Id: '2' }] }],
      ['Two', 'ab'],
      ['__proto__', 'x'],
    ])
    expect(Object.getPrototypeOf(fields)).toBe(Object.prototype)
  })

  test.each([
    ['a billion laughs', `<!DOCTYPE xml [<!ENTITY l0 "ha">${LAUGHS}]><xml><MsgType>&l9;</MsgType></xml>`],
    ['a document type', '<!DOCTYPE xml><xml/>'],
    ['a document type after the declaration', '<?xml version="1.0"?><!doctype xml><xml/>'],
    ['an external entity', '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><xml><a>&b;</a></xml>'],
    ['an external document type', '<!DOCTYPE xml SYSTEM "http://127.0.0.1/x.dtd"><xml/>'],
    ['an entity of its own', '<xml>&b;</xml>'],
    ['a bare ampersand', '<xml><a>b & c</a></xml>'],
    ['NUL', '<xml>&#0;</xml>'],
    ['a control character', '<xml>&#x1b;</xml>'],
    ['half a surrogate pair', '<xml>&#xd800;</xml>'],
    ['a character beyond Unicode', '<xml>&#x110000;</xml>'],
    ['an instruction', '<xml><?php system("id") ?></xml>'],
    ['a style sheet', '<?xml-stylesheet href="x"?><xml/>'],
    ['an instruction in the declaration', '<?xml version="1.0"?><?x?><xml/>'],
    ['a comment', '<xml><!-- comment --></xml>'],
    ['an attribute', '<xml a="b"/>'],
    ['a namespace', '<x:xml/>'],
    ['inclusion', '<xml><xi:include href="file:///etc/passwd"/></xml>'],
    ['CDATA without end', '<xml><a><![CDATA[b</a></xml>'],
    ['CDATA in lower case', '<xml><a><![cdata[b]]></a></xml>'],
    ['an element without end', '<xml><a>b</xml>'],
    ['an end without beginning', '<xml></a></xml>'],
    ['ends in the wrong order', '<xml><a><b></a></b></xml>'],
    ['two roots', '<xml/><xml/>'],
    ['another root', '<html/>'],
    ['text after the root', '<xml/>text'],
    ['text beside elements', '<xml>text<a/></xml>'],
    ['half a tag', '<xml'],
    ['a declaration alone', '<?xml version="1.0"?>'],
    ['deep nesting', '<xml>'.repeat(20) + '</xml>'.repeat(20)],
    ['very deep nesting', '<a>'.repeat(16_000)],
  ])('is refused with %s', (_, xml) => {
    const fault = thrown(() => readPushBody(xml))

    expect(fault.error).toBe('validation_failed')
    expect(JSON.stringify(fault.details)).not.toMatch(/passwd|comment|system/)
  })

  test('as the stand-in writes it is read the same', () => {
    const text = fc.string({ unit: 'grapheme' })
    fc.assert(
      fc.property(text, fc.array(text, { minLength: 2, maxLength: 4 }), fc.nat(), (one, many, count) => {
        const message = { MsgType: one, List: { Item: many }, Count: count }

        const { fields } = readPushBody(messageXml(message))

        expect(fields).toEqual({ ...message, Count: String(count) })
      }),
    )
  })
})

describe('a push in JSON', () => {
  test('keeps whole numbers that a double cannot, and nothing that looks like one in a text', () => {
    const json = String.raw`{"MsgId":24012345678901234567,"Safe":1714112445000123,"Text":"\":9999999999999999999","Float":0.1234567890123456,"List":[-9223372036854775808]}`

    expect(readPushBody(json).fields).toEqual({
      MsgId: '24012345678901234567',
      Safe: 1714112445000123,
      Text: '":9999999999999999999',
      Float: 0.1234567890123456,
      List: ['-9223372036854775808'],
    })
  })

  test('may have a name such as __proto__, which changes nothing else', () => {
    const { fields } = readPushBody('{"MsgType":"event","__proto__":{"isAdmin":true}}')

    expect(Object.keys(fields)).toEqual(['MsgType', '__proto__'])
    expect(fields).not.toHaveProperty('isAdmin')
  })

  test.each([
    ['nothing', ''],
    ['a list', '[]'],
    ['null', 'null'],
    ['a text', '"MsgType"'],
    ['half an object', '{"MsgType":'],
    ['text after it', '{} {}'],
    ['a name twice', '{"MsgType":"text","MsgType":"event"}'],
    ['a name twice, once in escapes', String.raw`{"MsgType":"text","Msg\u0054ype":"event"}`],
    ['a comment', '{/* */}'],
    ['deep nesting', `${'{"a":'.repeat(40)}1${'}'.repeat(40)}`],
    ['very deep nesting', '['.repeat(60_000)],
    ['quotes without end', '"\\'.repeat(30_000)],
    ['digits and quotes without end', `1234567890123456${'"\\'.repeat(30_000)}`],
  ])('is refused when it is %s', (_, json) => {
    expect(thrown(() => readPushBody(json)).error).toBe('validation_failed')
  })

  test('is not quoted by the refusal', () => {
    const { details, cause } = thrown(() => readPushBody('{"session_key":"tiihtNczf5v6AKRyjwEUhQ==",}'))

    expect(JSON.stringify([details, cause ?? ''])).not.toContain('tiihtN')
  })
})

test('whatever arrives is read or refused, and soon', () => {
  const xml = '<xml> </xml> <a> </a> <a /> > <![CDATA[ ]]> &amp; & <?xml ?> <!'
  const json = '{ } " \\ : , "a" 1 12345678901234567 [ ] x'
  const pieces = [' ', ...xml.split(' '), ...json.split(' ')]
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 200 }), (parts) => {
      try {
        expect(typeof readPushBody(parts.join('')).fields).toBe('object')
      } catch (error) {
        expect(error).toBeInstanceOf(Fault)
      }
    }),
    { numRuns: 500, interruptAfterTimeLimit: 10_000, markInterruptAsFailure: true },
  )
})
