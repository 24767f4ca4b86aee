import { ApiRefusal } from './api-refusal.ts'

/** Whether a timer fires in the second that begins at `ms`. */
export type Cron = (ms: number) => boolean

const UNIT_S: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 }
/** Second, minute, hour, day, month, weekday and, where there is one, year: what a field may be. */
const RANGES = [
  [0, 59],
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
  [1970, 2099],
] as const

/**
 * Reads `@every 5m`, or 6 fields as FC has them, or 7 as SCF does: `*`, `?`, numbers, lists, ranges and steps.
 * Times are `zoneHours` from UTC. @throws ApiRefusal
 */
export function parseCron(text: string, zoneHours = 0): Cron {
  const [, count, unit = ''] = /^@every (\d{1,6})([smh])$/.exec(text) ?? []
  const everyS = Number(count) * (UNIT_S[unit] ?? 1)
  if (everyS > 0) return (ms) => Math.floor(ms / 1_000) % everyS === 0
  const fields = text.trim().split(/\s+/)
  if (fields.length !== 6 && fields.length !== 7) throw unreadable(text)
  const sets = fields.map((field, at) => valuesOf(field, at, text))
  return (ms) => {
    const at = new Date(Math.floor(ms / 1_000) * 1_000 + zoneHours * 3_600_000)
    const weekday = at.getUTCDay()
    const now = [
      at.getUTCSeconds(),
      at.getUTCMinutes(),
      at.getUTCHours(),
      at.getUTCDate(),
      at.getUTCMonth() + 1,
      weekday,
      at.getUTCFullYear(),
    ]
    return sets.every(
      (set, index) => set.has(now[index] ?? 0) || (index === 5 && weekday === 0 && set.has(7)),
    )
  }
}

function valuesOf(field: string, index: number, text: string): ReadonlySet<number> {
  const [low, high] = RANGES[index] ?? [0, 0]
  return new Set(
    field.split(',').flatMap((term) => {
      const match = /^(?:\*|\?|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(term)
      if (match === null) throw unreadable(text)
      const [, first, last, step] = match
      const from = Number(first ?? low)
      const to = Number(last ?? (first === undefined || step !== undefined ? high : first))
      const by = Number(step ?? 1)
      if (from < low || to > high || from > to || by < 1) throw unreadable(text)
      return Array.from({ length: Math.floor((to - from) / by) + 1 }, (_, at) => from + at * by)
    }),
  )
}

function unreadable(text: string): ApiRefusal {
  return new ApiRefusal('invalid', `'${text}' is not a cron expression`)
}
