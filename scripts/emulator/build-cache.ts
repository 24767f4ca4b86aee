import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Bundle } from './bundle.ts'
import { type Stamps, unchanged } from './input-stamps.ts'

/** What the next start needs in order to serve a bundle without building it again. */
export interface BuildCache {
  readonly bundle: Bundle
  readonly stamps: Stamps
  /** What the build was asked to make, where that is not its sources' to say. */
  readonly entries: readonly string[]
}

/** The last build, when nothing that went into it has changed since. */
export async function readCache(
  outDir: string,
  name: string,
  entries: readonly string[],
): Promise<BuildCache | undefined> {
  try {
    // Written below, by this program; a file that someone cut short fails to parse and counts as none.
    const { bundle, stamps, ...asked } = JSON.parse(await readFile(cacheFile(outDir, name), 'utf8')) as {
      bundle: Bundle
      stamps: [string, string][]
      entries: string[]
    }
    if (String(asked.entries) !== String(entries)) return undefined
    const cache = { bundle, stamps: new Map(stamps), entries }
    return [bundle.file, ...bundle.modules].every((file) => existsSync(file)) && unchanged(cache.stamps)
      ? cache
      : undefined
  } catch {
    return undefined // the first start, or a damaged file: build
  }
}

export async function writeCache(outDir: string, { bundle, stamps, entries }: BuildCache): Promise<void> {
  await mkdir(outDir, { recursive: true })
  await writeFile(cacheFile(outDir, bundle.name), JSON.stringify({ bundle, stamps: [...stamps], entries }))
}

function cacheFile(outDir: string, name: string): string {
  return join(outDir, `${name}.json`)
}
