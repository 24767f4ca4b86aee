import * as v from 'valibot'
import type { Flavour } from './incoming.ts'
import { Refusal } from './refusal.ts'

const Size = v.pipe(v.union([v.number(), v.string()]), v.transform(Number), v.integer(), v.minValue(0))

const Policy = v.object({
  expiration: v.pipe(v.string(), v.isoTimestamp()),
  conditions: v.array(
    v.union([
      v.tuple([v.literal('content-length-range'), Size, Size]),
      v.tuple([v.picklist(['eq', 'starts-with']), v.string(), v.string()]),
      v.record(v.string(), v.string()),
    ]),
  ),
})

export interface Range {
  readonly minBytes: number
  readonly maxBytes: number
}

/** Fields that a policy need not speak of: they prove it. */
const PROOFS: Readonly<Record<Flavour, ReadonlySet<string>>> = {
  s3: new Set(['policy', 'x-amz-signature']),
  oss: new Set(['policy', 'x-oss-signature']),
  cos: new Set(['policy', 'q-signature', 'q-key-time']),
}

/** Checks the fields of a form against its policy, each of them covered, and answers with the sizes that it admits. */
export function checkPolicy(
  flavour: Flavour,
  json: string,
  { fields, nowMs }: { readonly fields: ReadonlyMap<string, string>; readonly nowMs: number },
): Range {
  const policy = readPolicy(json)
  if (nowMs >= Date.parse(policy.expiration)) throw unfit('Policy expired')
  let range: Range = { minBytes: 0, maxBytes: Number.POSITIVE_INFINITY }
  const covered = new Set<string>()
  for (const condition of policy.conditions) {
    if (!Array.isArray(condition)) {
      for (const [name, value] of Object.entries(condition)) requireField('eq', name, value)
    } else if (condition[0] === 'content-length-range') {
      range = { minBytes: condition[1], maxBytes: condition[2] }
    } else requireField(condition[0], condition[1].replace(/^\$/, ''), condition[2])
  }
  const loose = [...fields.keys()].find(
    (name) => !covered.has(name) && !PROOFS[flavour].has(name) && name !== 'bucket',
  )
  if (loose !== undefined) throw unfit(`Extra input fields: ${loose}`)
  return range

  function requireField(operator: 'eq' | 'starts-with', field: string, wanted: string): void {
    const name = field.toLowerCase()
    covered.add(name)
    const value = fields.get(name) ?? ''
    if (operator === 'eq' ? value !== wanted : !value.startsWith(wanted))
      throw unfit(`Policy Condition failed: ["${operator}", "$${field}"]`)
  }
}

function readPolicy(json: string): v.InferOutput<typeof Policy> {
  try {
    return v.parse(Policy, JSON.parse(json))
  } catch {
    throw unfit('Invalid JSON or conditions')
  }
}

function unfit(why: string): Refusal {
  return new Refusal('AccessDenied', `Invalid according to Policy: ${why}`)
}
