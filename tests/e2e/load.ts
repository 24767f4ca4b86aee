import type { TestAnswer } from '#tests/invocation.ts'
import type { Client, SignedIn } from './client.ts'

export type Kind = 'login' | 'user' | 'refresh'

export interface Observation {
  readonly kind: Kind
  /** 0 when the connection broke. */
  readonly status: number
  readonly error: string | undefined
  readonly retryAfter: string | null
  /** `performance.now()` when it was sent. */
  readonly sentAt: number
  readonly tookMs: number
}

export interface Load {
  /** All answers so far. */
  readonly seen: readonly Observation[]
  /** Lets what is in flight end; gives each person's last session. */
  stop(): Promise<readonly SignedIn[]>
}

const KINDS: readonly Kind[] = ['login', 'user', 'refresh']
let runs = 0

/** Keeps `inFlight` calls going: each person signs in anew, reads and refreshes, over and over, whatever is answered. */
export async function startLoad(client: Client, inFlight: number): Promise<Load> {
  const run = (runs += 1)
  const seen: Observation[] = []
  const stopping = new AbortController()
  const people = Array.from({ length: inFlight }, (_, at) => `load-${run}-${at}`)
  const sessions = await Promise.all(people.map((name) => client.signIn(name)))
  const workers = sessions.map(work)

  async function work(first: SignedIn, worker: number): Promise<SignedIn> {
    let session = first
    for (let at = worker; !stopping.signal.aborted; at += 1) {
      const kind = KINDS[at % KINDS.length] ?? 'user'
      const answer = await observed(kind, session, `${people[worker]}-${at}`)
      if (answer?.status === 200 && kind !== 'user') session = answer.body.data
    }
    return session
  }

  async function observed(kind: Kind, session: SignedIn, name: string): Promise<TestAnswer | undefined> {
    const sentAt = performance.now()
    const answer = await send(kind, session, name).catch(() => undefined)
    seen.push({
      kind,
      status: answer?.status ?? 0,
      error: answer?.body?.error,
      retryAfter: answer?.headers.get('retry-after') ?? null,
      sentAt,
      tookMs: performance.now() - sentAt,
    })
    return answer
  }

  function send(kind: Kind, { accessToken, refreshToken }: SignedIn, name: string): Promise<TestAnswer> {
    if (kind === 'user') return client.call('/user', { token: accessToken })
    if (kind === 'refresh') return client.call('/login/refresh', { body: { refreshToken } })
    return client.call('/login', { body: { code: `dev-${name}` } })
  }

  async function stop(): Promise<readonly SignedIn[]> {
    stopping.abort()
    return Promise.all(workers)
  }

  return { seen, stop }
}

/** How many answers there were of each outcome, such as `{'login 200': 31, 'user 503 unavailable': 4}`. */
export function outcomes(seen: readonly Observation[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { kind, status, error } of seen) {
    const name = [kind, status, error].filter((part) => part !== undefined).join(' ')
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

export function slowestMs(seen: readonly Observation[]): number {
  return Math.max(0, ...seen.map(({ tookMs }) => tookMs))
}

/** What nine of ten calls did not exceed, in ms: the slowest of all measures a busy machine as well. */
export function usuallyMs(seen: readonly Observation[]): number {
  const times = seen.map(({ tookMs }) => tookMs).sort((a, b) => a - b)
  return times[Math.floor(times.length * 0.9)] ?? 0
}
