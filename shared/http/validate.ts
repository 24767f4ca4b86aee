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
  const dropped = result.success ? droppedName(input, result.output) : undefined
  if (dropped !== undefined) {
    throw new Fault('validation_failed', {
      details: [{ path: dropped, message: 'is a name that none may have' }],
    })
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

/** Names that valibot leaves out of a record without a word, so that what was sent is not what is stored. */
const DROPPED = ['__proto__', 'constructor', 'prototype']

function droppedName(input: unknown, output: unknown, path: readonly string[] = []): string | undefined {
  if (!isObject(input) || !isObject(output)) return undefined
  const name = DROPPED.find((each) => Object.hasOwn(input, each) && !Object.hasOwn(output, each))
  if (name !== undefined) return [...path, name].join('.')
  for (const [each, value] of Object.entries(output)) {
    const found = droppedName(input[each], value, [...path, each])
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

type InWords = (requirement: unknown, input: unknown) => string

/** What a schema without a message of its own expected, by valibot's name of the check or of the type. */
const IN_WORDS: Readonly<Record<string, InWords>> = {
  max_length: (most, input) => `expected at most ${counted(most, unitOf(input))}`,
  min_length: (least, input) => `expected at least ${counted(least, unitOf(input))}`,
  length: (exactly, input) => `expected exactly ${counted(exactly, unitOf(input))}`,
  max_entries: (most) => `expected at most ${counted(most, ENTRY)}`,
  min_entries: (least) => `expected at least ${counted(least, ENTRY)}`,
  max_value: (most) => `expected at most ${grouped(most)}`,
  min_value: (least) => `expected at least ${grouped(least)}`,
  integer: () => 'expected a whole number',
  safe_integer: () => 'expected a whole number',
  regex: () => 'does not have the expected form',
  base64: () => 'expected base64',
  string: () => 'expected a string',
  number: () => 'expected a number',
  boolean: () => 'expected true or false',
  array: () => 'expected an array',
  object: () => 'expected an object',
  strict_object: () => 'expected an object',
  loose_object: () => 'expected an object',
  record: () => 'expected an object',
}

/** A schema's own message as it is; valibot's own, which quote what was received, say only what is expected. */
function messageOf(issue: v.BaseIssue<unknown>): string {
  if (issue.type === 'strict_object' && issue.expected === 'never') return 'unknown field'
  if (issue.kind === 'schema' && issue.received === 'undefined') return 'is required'
  if (!issue.message.startsWith('Invalid ')) return issue.message
  const inWords = IN_WORDS[issue.type]
  if (inWords !== undefined) return inWords(issue.requirement, issue.input)
  return issue.expected === null ? 'is not valid' : `expected ${choice(issue.expected)}`
}

/** `("user" | "ip")`, as valibot writes what is allowed, as `"user" or "ip"`. */
function choice(expected: string): string {
  const options = expected.replace(/^\((.*)\)$/, '$1').split(' | ')
  const last = options.at(-1) ?? ''
  return options.length === 1 ? last : `${options.slice(0, -1).join(', ')} or ${last}`
}

type Unit = readonly [one: string, several: string]

const ENTRY: Unit = ['entry', 'entries']

function unitOf(input: unknown): Unit {
  return typeof input === 'string' ? ['character', 'characters'] : ['item', 'items']
}

function counted(count: unknown, [one, several]: Unit): string {
  return `${grouped(count)} ${count === 1 ? one : several}`
}

/** 2000 as `2,000`. */
function grouped(count: unknown): string {
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ',')
}
