import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { newSpanId, newTraceId, readTraceparent, writeTraceparent } from '#shared/telemetry/trace-context.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'

test('the headers of the specification are read', () => {
  // https://www.w3.org/TR/trace-context/#examples-of-http-traceparent-headers
  expect(readTraceparent(`00-${TRACE}-${SPAN}-01`)).toEqual({ traceId: TRACE, spanId: SPAN, isSampled: true })
  expect(readTraceparent(`00-${TRACE}-${SPAN}-00`)).toEqual({
    traceId: TRACE,
    spanId: SPAN,
    isSampled: false,
  })
})

test('later versions may say more, and flags that nobody knows change nothing', () => {
  expect(readTraceparent(`cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`)?.traceId).toBe(TRACE)
  expect(readTraceparent(`00-${TRACE}-${SPAN}-fe`)?.isSampled).toBe(false)
})

test.each([
  ['nothing', null],
  ['an empty one', ''],
  ['a version that is none', `ff-${TRACE}-${SPAN}-01`],
  ['more behind version 0', `00-${TRACE}-${SPAN}-01-more`],
  ['capital letters', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ['a trace of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
  ['a span of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['a short trace', `00-${TRACE.slice(1)}-${SPAN}-01`],
  ['a dot behind the flags', `cc-${TRACE}-${SPAN}-01.what`],
])('%s is not read', (_, text) => {
  expect(readTraceparent(text)).toBeUndefined()
})

test('what is written is read again, and nothing that arrives is a mistake of ours', () => {
  fc.assert(
    fc.property(fc.boolean(), fc.string(), (isSampled, text) => {
      const context = { traceId: newTraceId(), spanId: newSpanId(), isSampled }
      expect(readTraceparent(writeTraceparent(context))).toEqual(context)
      readTraceparent(text)
    }),
  )
})
