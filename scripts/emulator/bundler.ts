import { resolve } from 'node:path'
import type { BuildContext, BuildOptions, Metafile, OutputFile } from 'esbuild'
import { explained } from '#scripts/build/explained.ts'
import { readCache, writeCache } from './build-cache.ts'
import type { Bundle } from './bundle.ts'
import { settled, type Stamps, stampsIfOlder, stampsOf, unchanged } from './input-stamps.ts'

/** When saves keep coming during builds, the build of the moment is served after this many tries. */
const MAX_ROUNDS = 10

export interface BundlerOptions {
  readonly name: string
  readonly outDir: string
  readonly build: BuildOptions & { readonly absWorkingDir: string; readonly metafile: true }
  /** What is built, where it is found by looking: a kept build of other entries is none. */
  readonly entries?: readonly string[]
  /** Files that make a build what it is without being its inputs, such as the settings of the build itself. */
  readonly tools: readonly string[]
  /** Puts a build's files where they belong. */
  readonly write: (outputs: readonly OutputFile[], previous: Bundle | undefined) => Promise<Bundle>
  /** Removes what builds before this one left. */
  readonly tidy?: (bundle: Bundle) => Promise<void>
  /** Told once of each new build. */
  readonly built: (bundle: Bundle, tookMs: number) => void
  /** Told once of each different failure, with esbuild's code frames. */
  readonly failed: (message: string) => void
}

export interface Bundler {
  /**
   * The bundle of the sources as they are now, or the last good one while they do not build. `changing` is told when
   * a bundle that was served is about to be replaced. @throws BuildFailed
   */
  current(changing?: () => void): Promise<Bundle>
  dispose(): Promise<void>
}

/** There is nothing to serve: the sources have not built since the start. */
export class BuildFailed extends Error {
  override readonly name = 'BuildFailed'
}

interface Attempt {
  readonly stamps: Stamps
  readonly error: string | undefined
}

/** Keeps a bundle up to date with its sources by looking at them each time it is asked for. */
export function createBundler(options: BundlerOptions): Bundler {
  const { name, outDir, build, entries = [], tools, write, tidy, built, failed } = options
  let context: BuildContext<typeof build> | undefined
  let good: Bundle | undefined
  let last: Attempt | undefined
  let running: Promise<void> | undefined
  let queued: Promise<void> | undefined
  let saving: Promise<unknown> = Promise.resolve()

  async function current(changing?: () => void): Promise<Bundle> {
    if (running !== undefined || !fresh()) await refresh(changing)
    if (good === undefined) throw new BuildFailed(last?.error ?? `${name} is not built`)
    return good
  }

  function fresh(): boolean {
    return last !== undefined && last.error === undefined && unchanged(last.stamps)
  }

  /** A look at the sources that begins from now on: one under way may have read a file before it was saved. */
  function refresh(changing?: () => void): Promise<void> {
    if (running === undefined) {
      running = look(changing).finally(() => {
        running = undefined
      })
      return running
    }
    queued ??= running.then(() => {
      queued = undefined
      return refresh(changing)
    })
    return queued
  }

  async function look(changing?: () => void): Promise<void> {
    last ??= await cached()
    for (let round = 0; round < MAX_ROUNDS && !fresh(); round++) {
      if (good !== undefined) changing?.()
      last = await attempt()
      // The cause may be no input, such as a file that is missing: a failed build is tried again at each look.
      if (last.error !== undefined) return
    }
  }

  async function cached(): Promise<Attempt | undefined> {
    const cache = await readCache(outDir, name, entries)
    if (cache === undefined) return undefined
    good = cache.bundle
    return { stamps: cache.stamps, error: undefined }
  }

  async function attempt(): Promise<Attempt> {
    const startedMs = performance.now()
    const known = [...(last?.stamps.keys() ?? [])]
    await settled(known)
    const [sinceMs, before] = [Date.now(), stampsOf(known)]
    try {
      const { outputFiles, metafile } = await rebuild()
      const files = [...sourcesOf(metafile, build.absWorkingDir), ...tools]
      // The stamps from before the build count, so that a save during it shows at the next look.
      const added = stampsIfOlder(
        files.filter((file) => !before.has(file)),
        sinceMs,
      )
      const stamps = new Map(files.map((file) => [file, before.get(file) ?? added.get(file) ?? 'none']))
      accept(await write(outputFiles, good), stamps, performance.now() - startedMs)
      return { stamps, error: undefined }
    } catch (error) {
      const message = await explained(error)
      if (message !== last?.error) failed(message)
      return { stamps: before, error: message }
    }
  }

  async function rebuild() {
    process.env['GOGC'] ??= '400' // esbuild's own garbage collector would run in the middle of each small build
    const esbuild = await import('esbuild') // not before it is needed: most starts find everything built
    context ??= await esbuild.context(build)
    const { outputFiles, metafile } = await context.rebuild()
    return { outputFiles: outputFiles ?? [], metafile }
  }

  function accept(bundle: Bundle, stamps: Stamps, tookMs: number): void {
    if (bundle.version !== good?.version || last?.error !== undefined) built(bundle, tookMs)
    good = bundle
    // No request waits for this; where it fails, the next start builds.
    saving = saving
      .then(() => Promise.all([writeCache(outDir, { bundle, stamps, entries }), tidy?.(bundle)]))
      .catch(() => {})
  }

  async function dispose(): Promise<void> {
    await saving
    await context?.dispose()
  }

  return { current, dispose }
}

/** The inputs that a person edits. Packages change by npm alone, which the tools' stamps show. */
function sourcesOf({ inputs }: Metafile, dir: string): readonly string[] {
  const files = Object.keys(inputs).filter((file) => !file.includes('node_modules/'))
  return files.map((file) => resolve(dir, file))
}
