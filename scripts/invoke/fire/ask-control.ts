import * as v from 'valibot'
import { ask } from '#scripts/invoke/ask.ts'

const Refused = v.object({ error: v.string() })

/** A call of a stand-in's control, below `/_control/`. */
export interface ControlCall {
  readonly url: string
  /** POST unless given. */
  readonly method?: 'POST' | 'DELETE'
  readonly body?: unknown
}

/** Has a stand-in of the local cloud do something. @throws Error in plain words when it does not */
export async function askControl<Schema extends v.GenericSchema>(
  { url, method = 'POST', body = {} }: ControlCall,
  schema: Schema,
): Promise<v.InferOutput<Schema>> {
  const sent = method === 'POST' ? { body: JSON.stringify(body) } : {}
  const answer = await ask(new Request(url, { method, ...sent }))
  const read = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), answer.body)
  if (read.success) return read.output
  const refused = v.safeParse(v.pipe(v.string(), v.parseJson(), Refused), answer.body)
  throw new Error(
    `The stand-in refused (${answer.status}): ${refused.success ? refused.output.error : new URL(url).pathname}`,
  )
}
