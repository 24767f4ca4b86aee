import * as v from 'valibot'
import { Fault } from '#shared/errors.ts'

const MAX_DETAILS = 20

/**
 * Parses outside data by a schema.
 *
 * @throws Fault `validation_failed` with one detail `{path, message}` a problem; a value is never repeated.
 */
export function validate<Schema extends v.GenericSchema>(
  schema: Schema,
  input: unknown,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, input)
  if (result.success) return result.output
  throw new Fault('validation_failed', { details: result.issues.slice(0, MAX_DETAILS).map(describe) })
}

function describe(issue: v.BaseIssue<unknown>): { path: string; message: string } {
  return { path: v.getDotPath(issue) ?? '', message: messageOf(issue) }
}

/** Valibot's default messages quote what was received; ours say only what is expected. */
function messageOf(issue: v.BaseIssue<unknown>): string {
  if (issue.type === 'strict_object' && issue.expected === 'never') return 'unknown field'
  if (issue.kind === 'schema' && issue.received === 'undefined') return 'is required'
  return issue.expected === null
    ? issue.message.split(': ').slice(0, -1).join(': ') || issue.message
    : `expected ${issue.expected}`
}
