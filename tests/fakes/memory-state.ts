import { systemClock, type Clock } from '#shared/clock.ts'
import { Fault } from '#shared/errors.ts'
import { takeFromCells, type Cell } from '#shared/state/limit-cells.ts'
import { checkedTtlMs, limitUnits } from '#shared/state/limit-units.ts'
import type {
  ConsumeAnswer,
  ConsumeRequest,
  DeleteOptions,
  SetOptions,
  StateStore,
} from '#shared/state/store.ts'

/** A state store in memory, with a switch for an outage and a look at what it holds. */
export interface MemoryState extends StateStore {
  /** While true, every operation fails with the fault `unavailable`, as a store that is down does. */
  failing: boolean
  /** What stands in the store now, expired entries left out. */
  entries(): ReadonlyMap<string, string>
}

export interface MemoryStateOptions {
  readonly clock?: Clock
  readonly failing?: boolean
}

interface Entry {
  readonly value: string
  readonly expiresAt: number
}

/** A `StateStore` for tests: the whole contract, one process, expiry by the injected clock. */
export function memoryState({ clock = systemClock, failing = false }: MemoryStateOptions = {}): MemoryState {
  const values = new Map<string, Entry>()
  const cells = new Map<string, Cell>()

  // Real stores answer in a later turn of the event loop, which is where races show.
  async function reach(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    await new Promise((resolve) => setImmediate(resolve))
    signal.throwIfAborted()
    if (state.failing) throw new Fault('unavailable', { cause: new Error('The state store is down') })
  }

  function live(key: string): string | undefined {
    const entry = values.get(key)
    return entry !== undefined && entry.expiresAt > clock() ? entry.value : undefined
  }

  async function get(key: string, signal: AbortSignal): Promise<string | undefined> {
    await reach(signal)
    return live(key)
  }

  async function getMany(
    keys: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly (string | undefined)[]> {
    await reach(signal)
    return keys.map(live)
  }

  async function set(key: string, value: string, options: SetOptions, signal: AbortSignal): Promise<boolean> {
    const ttlMs = checkedTtlMs(options.ttlMs)
    await reach(signal)
    if (options.ifAbsent === true && live(key) !== undefined) return false
    values.set(key, { value, expiresAt: clock() + ttlMs })
    return true
  }

  async function remove(key: string, { ifValue }: DeleteOptions, signal: AbortSignal): Promise<boolean> {
    await reach(signal)
    const value = live(key)
    if (value === undefined || (ifValue !== undefined && ifValue !== value)) return false
    return values.delete(key)
  }

  async function consume(
    { limits, alsoGet = [] }: ConsumeRequest,
    signal: AbortSignal,
  ): Promise<ConsumeAnswer> {
    const units = limitUnits(limits)
    await reach(signal)
    return { consumptions: takeFromCells(units, cells, clock() * 1_000), values: alsoGet.map(live) }
  }

  const state: MemoryState = {
    failing,
    entries: () => new Map([...values.keys()].flatMap((key) => entryOf(key, live(key)))),
    get,
    getMany,
    set,
    delete: remove,
    consume,
    close: async () => {},
  }
  return state
}

function entryOf(key: string, value: string | undefined): readonly (readonly [string, string])[] {
  return value === undefined ? [] : [[key, value]]
}
