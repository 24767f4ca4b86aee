import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { functionBundle } from '#scripts/build/function-bundle.ts'
import { freePort } from '#scripts/services/free-port.ts'
import { type FunctionProcess, startFunctionProcess } from '#scripts/emulator/function-process.ts'
import { EXECUTABLES, root, type RuntimeName } from './executables.ts'

export interface Probe {
  readonly url: string
  readonly port: number
  readonly process: FunctionProcess
  /** Everything it has written. */
  readonly lines: readonly string[]
}

/** Bundles a sample as the build does, once for all processes of a suite. */
export async function bundleProbe(name = 'probe'): Promise<{ readonly file: string; remove(): void }> {
  const folder = mkdtempSync(join(tmpdir(), 'xiaohan-probe-'))
  const file = join(folder, 'index.mjs')
  await build(
    functionBundle({
      root,
      functionsDir: join(import.meta.dirname, 'samples'),
      name,
      outfile: file,
    }),
  )
  return { file, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** Starts the sample as a process of its own with the variables of one platform. */
export async function startProbe(
  file: string,
  runtime: RuntimeName,
  variables: (port: number) => Readonly<Record<string, string>>,
): Promise<Probe> {
  const port = await freePort()
  const lines: string[] = []
  const process = startFunctionProcess({
    command: [EXECUTABLES[runtime], file],
    env: { HOST: '127.0.0.1', ...variables(port) },
    port,
    line: (line) => lines.push(line),
  })
  const started = await process.listening(10_000)
  if (started !== 'up') throw new Error([`The probe did not start: ${started}`, ...lines].join('\n'))
  return { url: `http://127.0.0.1:${port}`, port, process, lines }
}
