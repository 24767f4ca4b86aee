import { keyText, userTag } from '#shared/state/key-text.ts'
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

/** The first part is the hash tag, so that counters by the same one stand in one slot with that one's limits. */
function counterKey({ name, windowS, by }: PlannedCounter, subject: CountedSubject): string | undefined {
  const [first, ...rest] = by
  if (first === undefined || by.some((part) => subject[part] === '')) return undefined
  const value = (part: (typeof by)[number]) => (part === 'ip' ? ipKey(subject.ip) : subject[part])
  const tag = first === 'user' ? userTag(subject.user) : `{${first}:${keyText(value(first))}}`
  return [`${tag}:risk:${name}:${windowS}`, ...rest.map((part) => keyText(value(part)))].join(':')
}
