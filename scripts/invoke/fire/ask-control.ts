import * as v from 'valibot'
import { ask } from '#scripts/invoke/ask.ts'

const Refused = v.object({ error: v.string() })

/** Has a stand-in of the local cloud do something. @throws Error in plain words when it does not */
export async function askControl<Schema extends v.GenericSchema>(
  url: string,
  body: unknown,
  schema: Schema,
): Promise<v.InferOutput<Schema>> {
  const answer = await ask(new Request(url, { method: 'POST', body: JSON.stringify(body) }))
  const read = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), answer.body)
  if (read.success) return read.output
  const refused = v.safeParse(v.pipe(v.string(), v.parseJson(), Refused), answer.body)
  throw new Error(
    `The stand-in refused (${answer.status}): ${refused.success ? refused.output.error : new URL(url).pathname}`,
  )
}
