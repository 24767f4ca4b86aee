import { type Stats, statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * File systems stamp a change with a clock that ticks every few milliseconds, so two saves within a tick may look
 * alike. A stamp is believed once it is older than this.
 */
const TICK_MS = 12

/** What the file system says of each input of a build: any save, deletion or replacement changes it. */
export type Stamps = ReadonlyMap<string, string>

export function stampsOf(files: readonly string[]): Stamps {
  return new Map(files.map((file) => [file, stampOf(stat(file))]))
}

/** As `stampsOf`, but a file that may have changed since `sinceMs` gets a stamp that never matches. */
export function stampsIfOlder(files: readonly string[], sinceMs: number): Stamps {
  return new Map(
    files.map((file) => {
      const found = stat(file)
      return [file, found !== undefined && found.ctimeMs > sinceMs - TICK_MS ? 'unsure' : stampOf(found)]
    }),
  )
}

/** Whether every file still looks as it did. */
export function unchanged(stamps: Stamps): boolean {
  for (const [file, stamp] of stamps) if (stampOf(stat(file)) !== stamp) return false
  return true
}

/** Resolves when no file was changed so recently that another change could go unseen. */
export async function settled(files: readonly string[]): Promise<void> {
  const sinceMs = Date.now() - Math.max(0, ...files.map((file) => stat(file)?.ctimeMs ?? 0))
  if (sinceMs >= 0 && sinceMs < TICK_MS) await delay(TICK_MS - sinceMs)
}

function stat(file: string): Stats | undefined {
  return statSync(file, { throwIfNoEntry: false })
}

function stampOf(found: Stats | undefined): string {
  return found === undefined ? 'none' : `${found.mtimeMs} ${found.ctimeMs} ${found.size} ${found.ino}`
}
