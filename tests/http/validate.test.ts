import { describe, expect, test } from '@jest/globals'
import * as v from 'valibot'
import { Fault } from '#shared/errors.ts'
import { validate } from '#shared/http/validate.ts'

const text = v.string()
const items = v.array(v.number())

function problem(schema: v.GenericSchema, input: unknown): unknown {
  try {
    return validate(schema, input)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return error.details
  }
}

describe('what does not fit a schema is told in words', () => {
  test.each<[string, v.GenericSchema, unknown]>([
    ['expected at most 2,000 characters', v.pipe(text, v.maxLength(2_000)), 'x'.repeat(2_001)],
    ['expected at least 1 character', v.pipe(text, v.minLength(1)), ''],
    ['expected exactly 2 characters', v.pipe(text, v.length(2)), 'x'],
    ['expected at most 1 item', v.pipe(items, v.maxLength(1)), [1, 2]],
    ['expected at least 2 items', v.pipe(items, v.minLength(2)), [1]],
    ['expected at most 1 entry', v.pipe(v.record(text, text), v.maxEntries(1)), { a: '', b: '' }],
    ['expected at most 1,000,000', v.pipe(v.number(), v.maxValue(1_000_000)), 1_000_001],
    ['expected at least 0', v.pipe(v.number(), v.minValue(0)), -1],
    ['expected a whole number', v.pipe(v.number(), v.integer()), 0.5],
    ['does not have the expected form', v.pipe(text, v.regex(/^[a-z]+$/)), 'A'],
    ['expected lower case', v.pipe(text, v.regex(/^[a-z]+$/, 'expected lower case')), 'A'],
    ['expected a string', text, 1],
    ['expected a number', v.number(), '1'],
    ['expected true or false', v.boolean(), 'true'],
    ['expected an array', items, {}],
    ['expected an object', v.strictObject({}), 'x'],
    ['expected "user", "ip" or "device"', v.picklist(['user', 'ip', 'device']), 'phone'],
    ['expected "user"', v.literal('user'), 'phone'],
  ])('%s', (message, schema, input) => {
    expect(problem(schema, input)).toEqual([{ path: '', message }])
  })

  test('a value is never repeated, whichever check it fails', () => {
    const secret = 'hunter22'
    const schemas = [
      v.pipe(text, v.maxLength(1)),
      v.pipe(text, v.minLength(99)),
      v.pipe(text, v.regex(/^$/)),
      v.pipe(text, v.uuid()),
      v.pipe(text, v.email()),
      v.picklist(['a', 'b']),
      v.number(),
      v.union([v.number(), v.boolean()]),
    ]

    const told = schemas.map((schema) => JSON.stringify(problem(schema, secret)))

    for (const details of told) expect(details).toMatch(/^\[\{"path":"","message":"(?!.*hunter22)/)
  })

  test('a problem has the path of its field; an unknown field and a missing one are told apart', () => {
    const schema = v.strictObject({ a: v.strictObject({ b: v.pipe(text, v.minLength(2)) }), c: text })

    expect(problem(schema, { a: { b: 'x' }, d: 1 })).toEqual([
      { path: 'a.b', message: 'expected at least 2 characters' },
      { path: 'c', message: 'is required' },
      { path: 'd', message: 'unknown field' },
    ])
  })
})

test.each(['__proto__', 'constructor', 'prototype'])(
  'a record with the name %s is refused, not cut',
  (name) => {
    const schema = v.strictObject({ policies: v.record(v.string(), v.number()) })
    const input: unknown = JSON.parse(`{"policies":{"a":1,"${name}":2}}`)

    expect(() => validate(schema, input)).toThrow(
      expect.objectContaining({
        details: [{ path: `policies.${name}`, message: 'is a name that none may have' }],
      }),
    )
  },
)
