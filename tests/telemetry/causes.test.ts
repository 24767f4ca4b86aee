import { describe, expect, test } from '@jest/globals'
import { Fault } from '#shared/errors.ts'
import { causesOf } from '#shared/telemetry/causes.ts'

describe('the causes of an error', () => {
  test('are told by name and message, outermost first, without stacks', () => {
    const cause = new RangeError('too far', { cause: new TypeError('no number') })

    expect(causesOf(new Fault('unavailable', { cause }))).toEqual([
      'Fault: unavailable',
      'RangeError: too far',
      'TypeError: no number',
    ])
  })

  test('an empty message is replaced by the code, as of an attempt at several addresses', () => {
    const refused = Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' })

    expect(causesOf(refused)).toEqual(['AggregateError: ECONNREFUSED'])
    expect(causesOf(new Error(''))).toEqual(['Error: no message'])
  })

  test('what is thrown and is no error is not repeated: it may hold anything', () => {
    expect(causesOf(new Error('outer', { cause: 'a secret' }))).toEqual(['Error: outer', 'not an error'])
    expect(causesOf(undefined)).toEqual([])
  })

  test('a chain that leads back to itself ends', () => {
    const error = new Error('round')
    error.cause = error

    expect(causesOf(error)).toHaveLength(8)
  })
})
