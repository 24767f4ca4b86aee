import { chinaHour, type GivenFacts, type Need, NOBODY, UNKNOWN_RANK } from './facts.ts'
import type { KnownFacts } from './judge-rules.ts'

/** Facts written down, in the engine's types. Rules that need one that is missing are left out where `isRecorded`. */
export function givenFacts(given: GivenFacts, { call, counters, isRecorded }: GivenFactsOptions): KnownFacts {
  const [method = '', route = ''] = call.split(' ')
  const user = { ...NOBODY, ...given.user }
  const values = {
    user: {
      ...user,
      ageDays: BigInt(user.ageDays ?? 0),
      signedIn: given.user?.signedIn ?? given.user?.id !== undefined,
    },
    wechat: { riskRank: BigInt(given.wechat?.riskRank ?? UNKNOWN_RANK) },
    ip: given.ip ?? '',
    ipPrefix: given.ipPrefix ?? '',
    device: given.device ?? '',
    route,
    method,
    hour: BigInt(given.hour ?? chinaHour(0)),
    counters: counterValues(counters, (name) => own(given.counters ?? {}, name)),
  }
  const recorded: Readonly<Record<Need, boolean>> = {
    user: given.user !== undefined,
    'user.status': given.user?.status !== undefined,
    wechat: given.wechat !== undefined,
  }
  return { values, learn: (need) => !isRecorded || recorded[need] }
}

export interface GivenFactsOptions {
  readonly call: string
  /** The set's counters. */
  readonly counters: readonly string[]
  readonly isRecorded: boolean
}

/** Every counter of the set with its count, 0 where there is none. */
export function counterValues(
  names: readonly string[],
  count: (name: string) => number | undefined,
): Readonly<Record<string, bigint>> {
  return Object.fromEntries(names.map((name) => [name, BigInt(count(name) ?? 0)]))
}

function own(counts: Readonly<Record<string, number>>, name: string): number | undefined {
  return Object.hasOwn(counts, name) ? counts[name] : undefined
}
