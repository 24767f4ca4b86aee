import { setTimeout as delay } from 'node:timers/promises'

const PROBE_EVERY_MS = 100
const PROBE_TIMEOUT_MS = 10_000
/** One lost answer is no reason; a share is judged from the second on. */
const MIN_FAILURES = 2

export interface Watched {
  readonly probes: number
  readonly failures: number
  /** What the last failure was. */
  readonly last: string
}

/** Asks until an answer is 200. @returns what was wrong with the last one; nothing when it was well. */
export async function comesUp(url: string, withinMs: number): Promise<string | undefined> {
  let last = 'no answer'
  for (const until = Date.now() + withinMs; Date.now() < until; await delay(PROBE_EVERY_MS * 5)) {
    const failure = await probe(url)
    if (failure === undefined) return undefined
    last = failure
  }
  return last
}

/** Asks over and over for `forMs`, or until more than `maxShare` of the answers are failures. */
export async function watch(url: string, forMs: number, maxShare: number): Promise<Watched> {
  let [probes, failures, last] = [0, 0, '']
  for (const until = Date.now() + forMs; Date.now() < until; await delay(PROBE_EVERY_MS)) {
    const failure = await probe(url)
    probes += 1
    if (failure === undefined) continue
    failures += 1
    last = failure
    const worst = Math.max(MIN_FAILURES, maxShare * (forMs / PROBE_EVERY_MS))
    if (failures > worst) break
  }
  return { probes, failures, last }
}

/** Whether too much of what was watched failed. */
export function isBad({ probes, failures }: Watched, maxShare: number): boolean {
  return failures >= MIN_FAILURES && failures / probes > maxShare
}

async function probe(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS), redirect: 'manual' })
    await response.arrayBuffer()
    return response.status < 500 && response.status !== 404 ? undefined : `status ${response.status}`
  } catch (error) {
    const { cause, message } = Object(error)
    return cause instanceof Error ? cause.message || cause.name : String(message)
  }
}
