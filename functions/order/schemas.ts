import * as v from 'valibot'
import { pageQuery } from '#shared/http/page-query.ts'
import { printableText } from '#shared/http/printable-text.ts'

const MAX_METADATA_CHARS = 4_096
/** A million yuan; WeChat Pay's own limits are the merchant's. */
const MAX_FEN = 100_000_000

const Fen = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_FEN))

export const NewOrder = v.strictObject({
  /** WeChat shows it to the payer. */
  description: printableText(127),
  amountFen: Fen,
  metadata: v.optional(
    v.pipe(
      v.record(v.string(), v.unknown()),
      v.check(
        (value) => JSON.stringify(value).length <= MAX_METADATA_CHARS,
        'expected at most 4,096 characters as JSON',
      ),
    ),
    {},
  ),
})

export const NewRefund = v.strictObject({
  /** All of it or a part; what several refunds add up to is never more than was paid. */
  amountFen: Fen,
  /** WeChat shows it to the payer. */
  reason: v.optional(printableText(80)),
})

const Name = v.pipe(v.string(), v.regex(/^[\w.-]{1,64}$/, 'expected a name, as order.paid'))

export const DeadLetters = v.strictObject({
  ...pageQuery,
  topic: v.optional(Name),
  target: v.optional(Name),
})

/** Which dead letters: all of them unless it says so. */
export const Redrive = v.strictObject({ topic: v.optional(Name), target: v.optional(Name) })
