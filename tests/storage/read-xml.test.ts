import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { childrenNamed, childText, escapeXml, readXml } from '#shared/storage/read-xml.ts'

test('any text comes back as it was written', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(readXml(`<a><b>${escapeXml(text)}</b></a>`).children[0]?.text).toBe(text)
    }),
  )
})

test('an answer as the stores send it is read: declaration, namespace, attributes, references, empty elements', () => {
  const xml = `\uFEFF<?xml version="1.0" encoding="UTF-8"?>
<List xmlns="http://s3.amazonaws.com/doc/2006-03-01/" a='b'>
  <Key>a&amp;b&#x20;&#20989;&lt;&gt;&quot;&apos;</Key><Empty/><Empty></Empty><Key>c</Key>
</List>
`

  const list = readXml(xml)

  expect(list.name).toBe('List')
  expect(childrenNamed(list, 'Key').map(({ text }) => text)).toEqual([`a&b 函<>"'`, 'c'])
  expect(childText(list, 'Empty')).toBe('')
  expect(childText(list, 'Absent')).toBeUndefined()
})

test.each([
  '',
  'text',
  '<a>',
  '</a>',
  '<a></b>',
  '<a/><b/>',
  '<a/>text',
  '<a b=c/>',
  '<a><!-- comment --></a>',
  '<a><![CDATA[text]]></a>',
  '<!DOCTYPE a><a/>',
  '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
  '<a>&b;</a>',
  '<a>& b</a>',
  '<a>&#x110000;</a>',
  '<a><?xml version="1.0"?></a>',
  '<a',
  '<a>'.repeat(20) + '</a>'.repeat(20),
])('%s is no answer of a store', (xml) => {
  expect(() => readXml(xml)).toThrow(TypeError)
})

test('whatever arrives is read or refused, and soon', () => {
  const pieces = [
    '<a>',
    '</a>',
    '<a ',
    'b="',
    '"',
    "'",
    '>',
    '/>',
    '&amp;',
    '&',
    '<?xml ',
    '?>',
    '<!',
    ' ',
    'x',
    '=',
  ]
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 200 }), (parts) => {
      try {
        expect(readXml(parts.join('')).name).toBe('a')
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError)
      }
    }),
    { numRuns: 500, interruptAfterTimeLimit: 10_000, markInterruptAsFailure: true },
  )
})

test('a hostile answer of a megabyte takes no time to speak of', () => {
  const startMs = performance.now()

  for (const piece of ['<a b="c" ', '<a ', '&#1', '<?xml ', '<a b="', 'a="b" '])
    expect(() => readXml(piece.repeat(1_000_000 / piece.length))).toThrow(TypeError)

  expect(performance.now() - startMs).toBeLessThan(2_000)
})
