import type { LimitUnits } from './limit-units.ts'
import type { Client } from './redis-connection.ts'
import { CONSUME, GIVE_BACK, runScript } from './redis-scripts.ts'
import type { ConsumeAnswer, Consumption } from './store.ts'

/** Limits and keys to read whose slot is one. */
interface Group {
  readonly limits: readonly LimitUnits[]
  readonly reads: readonly string[]
}

interface Taken {
  readonly consumptions: readonly Consumption[]
  /** When each was taken, as its kind tells it. */
  readonly marks: readonly number[]
  readonly values: readonly (string | undefined)[]
}

/**
 * Takes from all limits or from none. Where they are in several slots, from one slot after the other, and what was
 * taken is given back when a later one refuses; keys to read that share no slot with a limit are read beside that.
 */
export async function consumeInSlots(
  client: Client,
  limits: readonly LimitUnits[],
  reads: readonly string[],
  slotOf: (key: string) => string,
): Promise<ConsumeAnswer> {
  const { groups, lone } = grouped(limits, reads, slotOf)
  if (groups.length === 1 && lone.length === 0) {
    const { consumptions, values } = await run(client, 'take', { limits, reads })
    return { consumptions, values }
  }
  const [taken, loneValues] = await Promise.all([
    takeInTurn(client, groups),
    Promise.all(lone.map((keys) => client.mget([...keys]))),
  ])
  const consumptions = new Map<string, Consumption>()
  const values = new Map<string, string | undefined>()
  taken.forEach((one, at) => {
    groups[at]?.limits.forEach(({ key }, place) => setAt(consumptions, key, one.consumptions[place]))
    groups[at]?.reads.forEach((key, place) => values.set(key, one.values[place]))
  })
  lone.forEach((keys, at) =>
    keys.forEach((key, place) => values.set(key, loneValues[at]?.[place] ?? undefined)),
  )
  return {
    consumptions: limits.flatMap(({ key }) => consumptions.get(key) ?? []),
    values: reads.map((key) => values.get(key)),
  }
}

function setAt<V>(map: Map<string, V>, key: string, value: V | undefined): void {
  if (value !== undefined) map.set(key, value)
}

/** An answer for each group: where one refuses, the ones before it as they are after giving back, the rest untouched. */
async function takeInTurn(client: Client, groups: readonly Group[]): Promise<readonly Taken[]> {
  const taken: Taken[] = []
  for (const group of groups) {
    const answer = await run(client, 'take', group).catch(async (error: unknown) => {
      // Its own failure is the one to report; what is not given back comes back with time.
      await giveBack(client, groups, taken).catch(() => {})
      throw error
    })
    if (answer.consumptions.every(({ allowed }) => allowed)) {
      taken.push(answer)
      continue
    }
    const later = groups.slice(taken.length + 1)
    const [earlier, rest] = await Promise.all([
      giveBack(client, groups, taken),
      Promise.all(later.map((group) => run(client, 'look', group))),
    ])
    return [...earlier, answer, ...rest]
  }
  return taken
}

async function giveBack(client: Client, groups: readonly Group[], taken: readonly Taken[]) {
  return Promise.all(
    taken.map(async ({ marks, values }, at) => {
      const { limits } = groups[at] ?? { limits: [] }
      const args = limits.flatMap(({ kind, spanUs, cost }, place) => [kind, spanUs, cost, marks[place] ?? 0])
      await runScript(
        client,
        GIVE_BACK,
        limits.map(({ key }) => key),
        args,
      )
      const now = await run(client, 'look', { limits, reads: [] })
      return { ...now, values }
    }),
  )
}

async function run(client: Client, mode: 'take' | 'look', { limits, reads }: Group): Promise<Taken> {
  const keys = [...limits.map(({ key }) => key), ...reads]
  const args = limits.flatMap(({ kind, spanUs, size, cost }) => [kind, spanUs, size, cost])
  // As the script returns: five integers a limit, then the values.
  const answer = (await runScript(client, CONSUME, keys, [mode, limits.length, ...args])) as (
    | number
    | string
    | null
  )[]
  return {
    consumptions: limits.map((_, at) => ({
      allowed: answer[at * 5] === 1,
      remaining: Number(answer[at * 5 + 1]),
      retryAfterMs: Number(answer[at * 5 + 2]),
      resetMs: Number(answer[at * 5 + 3]),
    })),
    marks: limits.map((_, at) => Number(answer[at * 5 + 4])),
    values: reads.map((_, at) => {
      const value = answer[limits.length * 5 + at]
      return typeof value === 'string' ? value : undefined
    }),
  }
}

function grouped(limits: readonly LimitUnits[], reads: readonly string[], slotOf: (key: string) => string) {
  const groups = new Map<string, { limits: LimitUnits[]; reads: string[] }>()
  const lone = new Map<string, string[]>()
  for (const limit of limits) {
    const slot = slotOf(limit.key)
    const group = groups.get(slot) ?? { limits: [], reads: [] }
    groups.set(slot, group)
    group.limits.push(limit)
  }
  for (const key of reads) {
    const slot = slotOf(key)
    const others = groups.get(slot)?.reads ?? lone.get(slot) ?? []
    others.push(key)
    if (!groups.has(slot)) lone.set(slot, others)
  }
  return { groups: [...groups.values()], lone: [...lone.values()] }
}
