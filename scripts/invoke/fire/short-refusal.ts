import * as v from 'valibot'

/** What WeChat Pay is answered, and what everybody else. */
const Refusal = v.union([
  v.object({ code: v.string(), message: v.string() }),
  v.object({ error: v.string(), details: v.array(v.object({ reason: v.optional(v.string()) })) }),
])

/** The names in a refusal of the API's, which are the same each time; any other text as it is. */
export function shortRefusal(text: string): string {
  const read = v.safeParse(v.pipe(v.string(), v.parseJson(), Refusal), text)
  if (!read.success) return text
  if ('code' in read.output) return `${read.output.code} ${read.output.message}`
  const { error, details } = read.output
  const [{ reason } = {}] = details
  return reason === undefined ? error : `${error}, ${reason}`
}
