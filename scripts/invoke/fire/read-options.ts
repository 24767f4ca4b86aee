import * as v from 'valibot'
import type { Given } from './thing.ts'

/** What was given, by a schema whose messages say what is wrong. @throws TypeError with all of them */
export function readOptions<Schema extends v.GenericSchema>(
  schema: Schema,
  given: Given,
): v.InferOutput<Schema> {
  const read = v.safeParse(schema, given)
  if (read.success) return read.output
  throw new TypeError(read.issues.map(({ message }) => message).join('; '))
}
