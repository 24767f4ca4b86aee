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
  const misfit = result.success ? arrayForObject(input, result.output) : undefined
  if (misfit !== undefined) {
    throw new Fault('validation_failed', { details: [{ path: misfit, message: 'expected an object' }] })
  }
  if (result.success) return result.output
  throw new Fault('validation_failed', { details: result.issues.slice(0, MAX_DETAILS).map(describe) })
}

/**
 * Where the input has an array and the schema took it for an object. To JavaScript `[]` is an object, and it passes
 * wherever all fields are optional.
 */
function arrayForObject(input: unknown, output: unknown, path: readonly string[] = []): string | undefined {
  if (!isObject(input) || !isObject(output)) return undefined
  if (Array.isArray(input) && !Array.isArray(output)) return path.join('.')
  for (const [name, value] of Object.entries(output)) {
    const found = arrayForObject(input[name], value, [...path, name])
    if (found !== undefined) return found
  }
  return undefined
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function describe(issue: v.BaseIssue<unknown>): { path: string; message: string } {
  return { path: v.getDotPath(issue) ?? '', message: messageOf(issue) }
}

/** A schema's own message as it is; valibot's own, which quote what was received, say only what is expected. */
function messageOf(issue: v.BaseIssue<unknown>): string {
  if (issue.type === 'strict_object' && issue.expected === 'never') return 'unknown field'
  if (issue.kind === 'schema' && issue.received === 'undefined') return 'is required'
  if (!issue.message.startsWith('Invalid ')) return issue.message
  return issue.expected === null ? 'is not valid' : `expected ${issue.expected}`
}
