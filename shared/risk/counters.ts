import { createHash } from 'node:crypto'
import type { Consumption, Limit, StateStore } from '#shared/state/store.ts'
import type { PlannedCounter } from './compile-set.ts'
import { ipKey } from '#shared/ip-address.ts'
import type { COUNTER_PARTS } from './rule-set.ts'

/** More than anybody sends, and still exact: a limit that only counts. */
const UNLIMITED = 2 ** 40

/** A counter's value for who makes the call, by name; what has no such part, as a device, is left out. */
export type Counts = ReadonlyMap<string, number>

export type CountedSubject = Readonly<Record<(typeof COUNTER_PARTS)[number], string>>

/**
 * Counts a call and reads the counts in one round trip. What the state store loses begins again from nothing.
 *
 * @throws Fault `unavailable`
 */
export async function countCall(
  state: StateStore,
  { counters, subject }: { readonly counters: readonly PlannedCounter[]; readonly subject: CountedSubject },
  signal: AbortSignal,
): Promise<Counts> {
  const counted = counters.flatMap((counter) => {
    const key = counterKey(counter, subject)
    return key === undefined ? [] : [{ counter, key }]
  })
  if (counted.length === 0) return new Map()
  const limits = counted.map(({ counter: { windowS, cost }, key }): Limit => ({
    kind: 'sliding-window',
    key,
    quota: UNLIMITED,
    windowMs: windowS * 1000,
    cost,
  }))
  const { consumptions } = await state.consume({ limits }, signal)
  return new Map(counted.map(({ counter: { name } }, index) => [name, countOf(consumptions[index])]))
}

function countOf(consumption: Consumption | undefined): number {
  return UNLIMITED - (consumption?.remaining ?? UNLIMITED)
}

const TAGS = { user: 'u', ip: 'ip', device: 'device' } as const

/** The first part is the hash tag, so that counters by the same one stand in one slot with that one's limits. */
function counterKey({ name, windowS, by }: PlannedCounter, subject: CountedSubject): string | undefined {
  const parts = by.map((part) => [part, keyText(part === 'ip' ? ipKey(subject.ip) : subject[part])] as const)
  const [first, ...rest] = parts
  if (first === undefined || parts.some(([, value]) => value === '')) return undefined
  const [part, value] = first
  return [`{${TAGS[part]}:${value}}:risk:${name}:${windowS}`, ...rest.map(([, text]) => text)].join(':')
}

/** What a client chose must not be able to end the hash tag early. */
function keyText(value: string): string {
  if (/^[\w.:-]{0,64}$/.test(value)) return value
  return createHash('sha256').update(value).digest('base64url').slice(0, 22)
}
