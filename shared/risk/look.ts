import type { StateStore } from '#shared/state/store.ts'
import type { PlannedCounter } from './compile-set.ts'
import { type Counts, countCall } from './counters.ts'
import type { Occasion } from './decision.ts'
import { ageDays, chinaHour, type GivenFacts, type Need, NOBODY, UNKNOWN_RANK } from './facts.ts'
import { counterValues } from './given-facts.ts'
import type { KnownFacts } from './judge-rules.ts'
import { ipPrefix, plainIp } from '#shared/ip-address.ts'

/** The facts of one occasion, those that cost something fetched when a rule asks for them. */
export interface Look extends KnownFacts {
  /** What is known so far, to be recorded. */
  recorded(): GivenFacts
}

export interface LookSubject {
  readonly occasion: Occasion
  readonly counts: Counts
  /** All counters of the set. */
  readonly names: readonly string[]
  readonly nowMs: number
  /** A fact could not be had. */
  readonly onError: (part: string, error: unknown) => void
}

export function createLook(subject: LookSubject, signal: AbortSignal): Look {
  const { occasion, counts, onError } = subject
  const values = factValues(subject)
  const isLater = occasion.phase === 'before'
  const fetched = new Map<Need, boolean | Promise<boolean>>()

  const fetch: Readonly<Record<Need, () => boolean | Promise<boolean>>> = {
    user: () => occasion.user !== undefined || !isLater,
    async 'user.status'() {
      if (occasion.user === undefined) return !isLater
      try {
        values.user.status = await occasion.user.status(signal)
        return true
      } catch (error) {
        onError('user.status', error)
        return false
      }
    },
    async wechat() {
      if (occasion.riskRank === undefined) return !isLater
      const rank = await occasion
        .riskRank(signal)
        .catch((error: unknown) => onError('wechat.riskRank', error))
      values.wechat.riskRank = BigInt(rank ?? UNKNOWN_RANK)
      return true
    },
  }

  function learn(need: Need): boolean | Promise<boolean> {
    const known = fetched.get(need) ?? fetch[need]()
    fetched.set(need, known)
    return known
  }

  function recorded(): GivenFacts {
    const { ip, ipPrefix: prefix, device, hour, user, wechat } = values
    const { status, ...person } = { ...user, ageDays: Number(user.ageDays) }
    return {
      ip,
      ipPrefix: prefix,
      device,
      hour: Number(hour),
      counters: Object.fromEntries(counts),
      ...(fetch.user() === true ? { user: status === '' ? person : { ...person, status } } : {}),
      ...(fetched.has('wechat') ? { wechat: { riskRank: Number(wechat.riskRank) } } : {}),
    }
  }

  return { values, learn, recorded }
}

function factValues({ occasion, counts, names, nowMs }: LookSubject) {
  const [method = '', route = ''] = occasion.route.split(' ')
  const id = occasion.user?.id
  const person = id === undefined ? NOBODY : { id, ageDays: ageDays(id, nowMs), status: '', signedIn: true }
  return {
    ip: plainIp(occasion.ip) || occasion.ip,
    ipPrefix: ipPrefix(occasion.ip),
    device: occasion.device,
    route,
    method,
    hour: BigInt(chinaHour(nowMs)),
    counters: counterValues(names, (name) => counts.get(name)),
    user: { ...person, ageDays: BigInt(person.ageDays) } as UserValues, // Its literals are of these types.
    wechat: { riskRank: BigInt(UNKNOWN_RANK) },
  }
}

interface UserValues {
  readonly id: string
  readonly ageDays: bigint
  /** Empty until it is asked for. */
  status: string
  readonly signedIn: boolean
}

/** Counts the occasion; nothing where the store is down. */
export async function countOccasion(
  state: StateStore,
  { occasion, counters, onError }: Pick<LookSubject, 'occasion' | 'onError'> & CountedBy,
  signal: AbortSignal,
): Promise<Counts> {
  const subject = { user: occasion.user?.id ?? '', ip: occasion.ip, device: occasion.device }
  // The second look of a login adds only to what the first could not count: by user.
  const isSecond = occasion.phase === 'identified'
  const due = counters.map((counter): PlannedCounter => {
    return isSecond && !counter.by.includes('user') ? { ...counter, cost: 0 } : counter
  })
  try {
    return await countCall(state, { counters: due, subject }, signal)
  } catch (error) {
    onError('counters', error)
    return new Map()
  }
}

interface CountedBy {
  readonly counters: readonly PlannedCounter[]
}
