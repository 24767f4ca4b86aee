import * as v from 'valibot'

const text = v.pipe(v.string(), v.maxLength(200))
const integer = v.pipe(v.number(), v.safeInteger())

const UserFacts = v.strictObject({
  id: v.optional(text),
  ageDays: v.optional(integer),
  status: v.optional(text),
  signedIn: v.optional(v.boolean()),
})

/** Facts as somebody writes them down: in a golden case, or as they were recorded. What is missing is not known. */
export const GivenFacts = v.strictObject({
  user: v.optional(UserFacts),
  ip: v.optional(text),
  ipPrefix: v.optional(text),
  device: v.optional(text),
  hour: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(23))),
  counters: v.optional(v.record(v.string(), integer)),
  wechat: v.optional(v.strictObject({ riskRank: v.optional(integer) })),
})

export type GivenFacts = v.InferOutput<typeof GivenFacts>

/** The type of every fact, by the name that conditions call it; `counters` are each set's own. */
export const FACT_TYPES = {
  user: { id: 'string', ageDays: 'int', status: 'string', signedIn: 'bool' },
  wechat: { riskRank: 'int' },
  ip: 'string',
  ipPrefix: 'string',
  device: 'string',
  route: 'string',
  method: 'string',
  hour: 'int',
} as const

/** Facts that may not be known yet, or cost something to know. */
export type Need = 'user' | 'user.status' | 'wechat'

export const NOBODY = { id: '', ageDays: 0, status: '', signedIn: false } as const
export const UNKNOWN_RANK = -1

const DAY_MS = 86_400_000
const CHINA_OFFSET_MS = 8 * 3_600_000

/** The hour of the day in China, which has one time zone and no summer time. */
export function chinaHour(nowMs: number): number {
  return new Date(nowMs + CHINA_OFFSET_MS).getUTCHours()
}

/** Whole days since a UUIDv7 was made; 0 for any other id. @see RFC 9562 §5.7 */
export function ageDays(id: string, nowMs: number): number {
  const madeMs = Number.parseInt(id.replace('-', '').slice(0, 12), 16)
  return Number.isNaN(madeMs) ? 0 : Math.max(0, Math.floor((nowMs - madeMs) / DAY_MS))
}
