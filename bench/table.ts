import { arch, cpus, platform, release, totalmem } from 'node:os'

/** One line of the benchmark table. */
export interface Row {
  readonly what: string
  readonly median: number
  readonly unit: string
  /** What the figure should be, in words: `≤ 150 ms`. */
  readonly target?: string
  /** Whether the target is met; absent where there is none. */
  readonly met?: boolean
  /** How it was measured: `median of 20`. */
  readonly how: string
}

/** The machine that the figures belong to. */
export function machine(): string {
  const [cpu] = cpus()
  const memoryGb = Math.round(totalmem() / 2 ** 30)
  return `${cpu?.model ?? arch()} × ${cpus().length}, ${memoryGb} GB, ${platform()} ${release()}, Node ${process.versions.node}`
}

export function printTable(rows: readonly Row[]): void {
  const cells = rows.map(({ what, median, unit, target = '', met, how }) => [
    what,
    `${format(median)} ${unit}`,
    target,
    met === undefined ? '' : met ? 'met' : 'NOT MET',
    how,
  ])
  const table = [['what', 'measured', 'target', '', 'how'], ...cells]
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...table.map((row) => (row[column] ?? '').length)))
  for (const row of table)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

function format(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(1)
}
