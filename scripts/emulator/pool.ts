import type { Bundle } from './bundle.ts'
import type { FunctionProcess } from './function-process.ts'

/** An instance that takes calls, or will once it is up. */
export interface Member {
  readonly bundle: Bundle
  readonly process: FunctionProcess
  /** Resolves when it may be called, hooks included; rejects when it never will. */
  readonly ready: Promise<void>
}

export interface PoolOptions {
  /** Calls that one instance takes at a time. */
  readonly concurrency: number
  readonly maxInstances: number
  readonly idleMs: number
  readonly clock: () => number
  readonly start: (bundle: Bundle) => Promise<Member>
  /** Ends an instance that has nothing in flight. */
  readonly stop: (member: Member) => Promise<void>
}

/** A place in an instance, to be given back. */
export interface Lease {
  readonly member: Member
  release(): void
}

export interface Pool {
  /** A place in an instance that runs exactly `bundle`; undefined when all are taken and no more may be started, or it is closed. */
  acquire(bundle: Bundle): Promise<Lease | undefined>
  /** Ends what has been idle too long, and instances of other bundles once they have nothing in flight. */
  reap(): void
  size(): number
  close(): Promise<void>
}

interface Slot {
  readonly bundle: Bundle
  readonly starting: Promise<Member>
  member: Member | undefined
  inFlight: number
  usedAtMs: number
}

/** The instances of one function: as few as the load needs, started by the call that needs them. */
export function createPool({ concurrency, maxInstances, idleMs, clock, start, stop }: PoolOptions): Pool {
  const slots = new Set<Slot>()
  const stopping = new Set<Promise<void>>()
  let current: Bundle | undefined
  let isClosed = false

  async function acquire(bundle: Bundle): Promise<Lease | undefined> {
    // A call that waited for a build may come after the end: nobody would stop what it starts.
    if (isClosed) return undefined
    current = bundle
    reap()
    const slot = free(bundle) ?? (count(bundle) < maxInstances ? open(bundle) : undefined)
    if (slot === undefined) return undefined
    slot.inFlight++
    try {
      const member = await slot.starting
      await member.ready
      return { member, release: () => release(slot) }
    } catch (error) {
      slots.delete(slot)
      release(slot)
      throw error
    }
  }

  /** The fullest instance that has room, so that the others may become idle and end. */
  function free(bundle: Bundle): Slot | undefined {
    return [...slots]
      .filter((slot) => slot.bundle.version === bundle.version && slot.inFlight < concurrency)
      .sort((a, b) => b.inFlight - a.inFlight)[0]
  }

  function count(bundle: Bundle): number {
    return [...slots].filter((slot) => slot.bundle.version === bundle.version).length
  }

  function open(bundle: Bundle): Slot {
    const slot: Slot = { bundle, starting: start(bundle), member: undefined, inFlight: 0, usedAtMs: clock() }
    slots.add(slot)
    slot.starting.then(
      (member) => {
        slot.member = member
        void member.process.exited.then(() => slots.delete(slot))
      },
      () => slots.delete(slot),
    )
    return slot
  }

  function release(slot: Slot): void {
    slot.inFlight--
    slot.usedAtMs = clock()
    reap()
  }

  function reap(): void {
    for (const slot of slots) {
      const old = current !== undefined && slot.bundle.version !== current.version
      const idle = clock() - slot.usedAtMs >= idleMs
      if (slot.inFlight === 0 && (old || idle)) end(slot)
    }
  }

  function end(slot: Slot): void {
    slots.delete(slot)
    const work = slot.starting.then(stop).catch(() => {}) // it never started
    stopping.add(work)
    void work.then(() => stopping.delete(work))
  }

  async function close(): Promise<void> {
    isClosed = true
    for (const slot of slots) end(slot)
    await Promise.all(stopping)
  }

  return { acquire, reap, size: () => slots.size, close }
}
