import { expect, test } from '@jest/globals'
import { errorText } from '#scripts/error-text.ts'

test('an error is told with its causes, one a line, without passwords', () => {
  const refused = new AggregateError([new Error('refused at ::1'), new Error('refused at 127.0.0.1')])
  const inner = new Error('postgres://app:hunter2@db/app', { cause: refused })

  const text = errorText(new Error('unavailable', { cause: inner }))

  expect(text.split('\n')).toEqual([
    'unavailable',
    '  because: postgres://[secret]@db/app',
    '  because: refused at ::1; refused at 127.0.0.1',
  ])
})

test('a cause that its wrapper already names is told once', () => {
  const text = errorText(new Error('Cannot start: no disk', { cause: new Error('no disk') }))

  expect(text).toBe('Cannot start: no disk')
})
