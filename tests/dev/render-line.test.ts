import { expect, test } from '@jest/globals'
import { stripVTControlCharacters } from 'node:util'
import { renderLine } from '#scripts/dev/render-line.ts'

const render = (record: object) => stripVTControlCharacters(renderLine('order', JSON.stringify(record)) ?? '')

test('an access line says what was asked and answered, once', () => {
  const record = {
    event: 'http.request',
    level: 'info',
    method: 'GET',
    route: '/user',
    status: 200,
    durationMs: 3,
  }

  expect(render(record)).toBe('order  GET /user 200 3 ms')
})

test('other lines keep their method and status', () => {
  const record = { event: 'outbound.call', level: 'warn', method: 'POST', host: 'shop', status: 500 }

  expect(render(record)).toBe('order  outbound.call method=POST host=shop status=500')
})

test('a failure is shown with why, to the innermost cause', () => {
  const cause = {
    name: 'Fault',
    stack: 'Fault: upstream_failed\n    at refusal',
    cause: { message: 'WeChat Pay answered 403 NOT_ENOUGH' },
  }

  expect(render({ event: 'payments.refund_postponed', level: 'warn', cause })).toBe(
    'order  payments.refund_postponed \n  Fault: upstream_failed\n      at refusal\n  because: WeChat Pay answered 403 NOT_ENOUGH',
  )
})

test('what somebody sent makes no lines and no colours of its own', () => {
  const line = renderLine(
    'order',
    JSON.stringify({ event: 'x', level: 'warn', source: '\u001b[31mHACK\norder POST 200\u0000' }),
  )

  expect(line).toContain(String.raw`source=\u001b[31mHACK\norder POST 200\u0000`)
})
