import { WINDOW_TICKS, type LimitUnits } from './limit-units.ts'
import type { Consumption, LimitKind } from './store.ts'

/** What is kept of a limit. */
export interface Cell {
  /** When the whole limit is available again, in microseconds; all that a bucket needs. */
  readonly fullAtUs: number
  /** Number of the window since the epoch; absent in a bucket. */
  readonly index?: number
  readonly current: number
  /** Units taken in the window before. */
  readonly previous: number
}

export interface Cells {
  get(key: string): Cell | undefined
  set(key: string, cell: Cell): unknown
}

/** How one kind of limit is reckoned. The stores' scripts do the same in their own languages. */
interface Arithmetic {
  /** The cell as it stands now; a cell of another kind counts as none. */
  open(unit: LimitUnits, cell: Cell | undefined, nowUs: number): Cell
  /** Until the cost would be granted; 0 or less when it is now. */
  waitUs(unit: LimitUnits, cell: Cell, nowUs: number): number
  take(unit: LimitUnits, cell: Cell): Cell
  /** Units that could be taken now. */
  left(unit: LimitUnits, cell: Cell, nowUs: number): number
}

const TOKEN_BUCKET: Arithmetic = {
  open({ spanUs, size }, cell, nowUs) {
    const fullAtUs = cell === undefined || cell.index !== undefined ? nowUs : cell.fullAtUs
    // Never emptier than empty: a clock that was set back, or a limit that was made smaller, locks nobody out.
    return { ...NOTHING, fullAtUs: Math.min(Math.max(fullAtUs, nowUs), nowUs + spanUs * size) }
  },
  waitUs: ({ spanUs, size, cost }, { fullAtUs }, nowUs) => fullAtUs + spanUs * (cost - size) - nowUs,
  take: ({ spanUs, cost }, cell) => ({ ...cell, fullAtUs: cell.fullAtUs + spanUs * cost }),
  left: ({ spanUs, size }, { fullAtUs }, nowUs) => Math.floor((nowUs - fullAtUs) / spanUs) + size,
}

const NOTHING = { current: 0, previous: 0 }

const FIXED_WINDOW: Arithmetic = {
  open(unit, cell, nowUs) {
    return windowCell(unit, { ...countsAt(unit, cell, nowUs), previous: 0 }, 1)
  },
  waitUs(unit, cell, nowUs) {
    return fits(unit, cell, nowUs) ? 0 : startUs(unit, cell) + unit.spanUs - nowUs
  },
  take: (unit, cell) => windowCell(unit, charged(unit, cell), 1),
  left: windowLeft,
}

const SLIDING_WINDOW: Arithmetic = {
  open: (unit, cell, nowUs) => windowCell(unit, countsAt(unit, cell, nowUs), 2),
  waitUs(unit, cell, nowUs) {
    if (fits(unit, cell, nowUs)) return 0
    const { spanUs, size, cost } = unit
    const room = size - cost - cell.current
    const start = startUs(unit, cell)
    if (cost > size) return start + 2 * spanUs - nowUs
    if (room >= 0) return start + fadedUs(cell.previous, room, spanUs) - nowUs
    return start + spanUs + fadedUs(cell.current, size - cost, spanUs) - nowUs
  },
  take: (unit, cell) => windowCell(unit, charged(unit, cell), 2),
  left: windowLeft,
}

const KINDS: Readonly<Record<LimitKind, Arithmetic>> = {
  'token-bucket': TOKEN_BUCKET,
  'fixed-window': FIXED_WINDOW,
  'sliding-window': SLIDING_WINDOW,
}

/** Takes from every cell or, when one limit would be exceeded, from none; `cells` has what was written before. */
export function takeFromCells(
  units: readonly LimitUnits[],
  cells: Cells,
  nowUs: number,
): readonly Consumption[] {
  const read = units.map((unit) => {
    const cell = KINDS[unit.kind].open(unit, cells.get(unit.key), nowUs)
    return { unit, cell, waitUs: KINDS[unit.kind].waitUs(unit, cell, nowUs) }
  })
  const isGranted = read.every(({ waitUs }) => waitUs <= 0)
  return read.map(({ unit, cell, waitUs }) => {
    const kind = KINDS[unit.kind]
    const isTaken = isGranted && unit.cost > 0
    const after = isTaken ? kind.take(unit, cell) : cell
    if (isTaken) cells.set(unit.key, after)
    return {
      allowed: waitUs <= 0,
      remaining: Math.max(kind.left(unit, after, nowUs), 0),
      retryAfterMs: Math.ceil(Math.max(waitUs, 0) / 1_000),
      resetMs: Math.ceil(Math.max(after.fullAtUs - nowUs, 0) / 1_000),
    }
  })
}

interface Counts {
  readonly index: number
  readonly current: number
  readonly previous: number
}

function countsAt({ spanUs }: LimitUnits, cell: Cell | undefined, nowUs: number): Counts {
  const index = Math.floor(nowUs / spanUs)
  if (cell?.index === index) return { ...cell, index }
  // Another server answers whose clock is a little behind: its window has begun already.
  if (cell?.index === index + 1) return { ...cell, index: cell.index }
  if (cell?.index === index - 1) return { index, current: 0, previous: cell.current }
  return { index, current: 0, previous: 0 }
}

function charged({ cost }: LimitUnits, { index = 0, current, previous }: Cell): Counts {
  return { index, current: current + cost, previous }
}

/** `windows` is for how many windows a unit counts. */
function windowCell({ spanUs }: LimitUnits, { index, current, previous }: Counts, windows: 1 | 2): Cell {
  const lasts = current > 0 ? windows : previous > 0 ? 1 : 0
  return { fullAtUs: lasts === 0 ? 0 : (index + lasts) * spanUs, index, current, previous }
}

function startUs({ spanUs }: LimitUnits, { index = 0 }: Cell): number {
  return index * spanUs
}

function windowLeft(unit: LimitUnits, cell: Cell, nowUs: number): number {
  const ticks = Math.floor((Math.max(nowUs - startUs(unit, cell), 0) * WINDOW_TICKS) / unit.spanUs)
  return unit.size - cell.current - Math.ceil((cell.previous * (WINDOW_TICKS - ticks)) / WINDOW_TICKS)
}

function fits(unit: LimitUnits, cell: Cell, nowUs: number): boolean {
  return unit.cost === 0 || unit.cost <= windowLeft(unit, cell, nowUs)
}

/** Time into the window after the one with `count` units, until no more than `room` of them count. */
function fadedUs(count: number, room: number, spanUs: number): number {
  const ticks = WINDOW_TICKS - Math.floor((WINDOW_TICKS * room) / count)
  return Math.ceil((ticks * spanUs) / WINDOW_TICKS)
}
