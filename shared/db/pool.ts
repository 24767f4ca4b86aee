import type { Clock } from '#shared/clock.ts'
import { deadline } from '#shared/deadline.ts'
import { type Link, type LinkDriver, LIMITS, ConnectionError } from './link.ts'

/** A connection on loan. Exactly one of `release` and `drop` is called, once. */
export interface Loan {
  readonly link: Link
  /** Gives it back for the next borrower. */
  release(): void
  /** Closes it: it failed, or nobody knows what state it is in. */
  drop(): void
}

export interface Pool {
  /** Lends a connection within 2 s. @throws ConnectionError, or what the driver threw. */
  borrow(): Promise<Loan>
  close(): Promise<void>
}

interface Idle {
  readonly link: Link
  readonly bornAt: number
  readonly sinceMs: number
  readonly timer: NodeJS.Timeout
}

/**
 * At most `size` connections, lent first come, first served. Age and idleness are judged by the clock when one is
 * lent, because timers stand still while a platform freezes the instance; the timer only spares the server.
 */
export function createPool(driver: LinkDriver, size: number, clock: Clock): Pool {
  const idle: Idle[] = []
  const places = createPlaces(size)
  let closed = false

  async function borrow(): Promise<Loan> {
    if (closed) throw new ConnectionError('The database is closed')
    const free = places.tryTake()
    const ready = free ? idle.at(-1) : undefined
    if (ready !== undefined && isYoung(ready)) return lend(take(ready))
    const { signal, end } = deadline(LIMITS.connectMs)
    try {
      if (!free) await places.take(signal)
      return await opened(signal)
    } finally {
      end()
    }
  }

  /** On a place that is taken, and given back when there is no connection. */
  async function opened(signal: AbortSignal): Promise<Loan> {
    try {
      return lend((await checkedIdle()) ?? { link: await driver.connect(signal), bornAt: clock() })
    } catch (error) {
      places.giveBack()
      throw error
    }
  }

  function isYoung({ link, bornAt, sinceMs }: Idle): boolean {
    const now = clock()
    return !link.isBroken() && now - sinceMs < LIMITS.idleCheckMs && now - bornAt < LIMITS.lifetimeMs
  }

  function take(item: Idle): Idle {
    clearTimeout(item.timer)
    idle.splice(idle.indexOf(item), 1)
    return item
  }

  /** The first connection at rest that still answers; those that don't are closed. */
  async function checkedIdle(): Promise<Idle | undefined> {
    for (let item = idle.at(-1); item !== undefined; item = idle.at(-1)) {
      take(item)
      if (isYoung(item)) return item
      const isOld = item.link.isBroken() || clock() - item.bornAt >= LIMITS.lifetimeMs
      if (!isOld && (await answers(item.link))) return item
      item.link.destroy()
    }
    return undefined
  }

  function lend({ link, bornAt }: { readonly link: Link; readonly bornAt: number }): Loan {
    return {
      link,
      release() {
        if (closed || link.isBroken()) return this.drop()
        const timer = setTimeout(() => close(item), LIMITS.idleMs)
        timer.unref()
        const item = { link, bornAt, sinceMs: clock(), timer }
        idle.push(item)
        places.giveBack()
      },
      drop() {
        link.destroy()
        places.giveBack()
      },
    }
  }

  function close(item: Idle): void {
    take(item)
    item.link.end().catch(() => item.link.destroy())
  }

  return {
    borrow,
    async close() {
      closed = true
      places.close()
      await Promise.all(idle.splice(0).map(({ link, timer }) => (clearTimeout(timer), farewell(link))))
    },
  }
}

function answers(link: Link): Promise<boolean> {
  const check = link.query('select 1', []).then(
    () => true,
    () => false,
  )
  return Promise.race([check, after(LIMITS.checkMs)])
}

async function farewell(link: Link): Promise<void> {
  const done = link.end().then(
    () => true,
    () => false,
  )
  if (!(await Promise.race([done, after(LIMITS.checkMs)]))) link.destroy()
}

function after(ms: number): Promise<false> {
  return new Promise((resolve) => void setTimeout(() => resolve(false), ms).unref())
}

/** A counter of free places with a queue. */
function createPlaces(size: number) {
  const waiting: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = []
  let free = size

  function tryTake(): boolean {
    if (free === 0) return false
    free -= 1
    return true
  }

  async function take(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const waiter = { resolve, reject }
      waiting.push(waiter)
      signal.addEventListener('abort', () => {
        const place = waiting.indexOf(waiter)
        if (place >= 0) waiting.splice(place, 1)
        reject(new ConnectionError(`No connection came free within ${LIMITS.connectMs} ms`))
      })
    })
  }

  function giveBack(): void {
    const next = waiting.shift()
    if (next === undefined) free += 1
    else next.resolve()
  }

  function close(): void {
    for (const { reject } of waiting.splice(0)) reject(new ConnectionError('The database is closed'))
  }

  return { tryTake, take, giveBack, close }
}
