import * as v from 'valibot'
import { validate } from '#shared/http/validate.ts'
import type { EventHandler } from './events.ts'

/** In XML numbers are text. */
const whole = v.pipe(
  v.union([v.number(), v.pipe(v.string(), v.regex(/^-?\d{1,10}$/), v.transform(Number))]),
  v.integer(),
)

const MediaCheck = v.looseObject({
  trace_id: v.pipe(v.string(), v.minLength(1), v.maxLength(128)),
  errcode: v.optional(whole, 0),
  result: v.optional(v.looseObject({ suggest: v.picklist(['pass', 'review', 'risky']), label: whole })),
})

/** What could not be checked is nothing that passed. */
const UNCHECKED = { suggest: 'review', label: 0 } as const

/** wxa_media_check: what content safety found in a file. */
export const mediaVerdict: EventHandler = async ({ fields }, { takeMediaVerdict, sql, dialect }, signal) => {
  const { trace_id: traceId, errcode, result } = validate(MediaCheck, fields)
  const { suggest, label } = errcode === 0 && result !== undefined ? result : UNCHECKED
  return takeMediaVerdict({ traceId, suggest, label, errcode }, { sql, dialect }, signal)
}
