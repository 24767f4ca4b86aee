import * as v from 'valibot'

/** No control, surrogate or line-separator characters, and of the invisible ones only those that join emoji. */
const PRINTABLE = /^(?:[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|\u200C|\u200D|[\u{E0020}-\u{E007F}])+$/u
const VISIBLE = /[^\p{C}\p{Z}\p{M}]/u

/** A line of text for people: something to see in it, and nothing that hides or disguises text. */
export function printableText(maxLength: number) {
  return v.pipe(
    v.string(),
    v.trim(),
    v.maxLength(maxLength, `expected at most ${maxLength} characters`),
    v.regex(PRINTABLE, 'expected printable characters'),
    v.regex(VISIBLE, 'expected a visible character'),
  )
}
