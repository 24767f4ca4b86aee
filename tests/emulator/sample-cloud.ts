import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fcCloud } from '#scripts/emulator/clouds/fc.ts'
import { scfCloud } from '#scripts/emulator/clouds/scf.ts'
import { createFunctionBundlers } from '#scripts/emulator/function-bundlers.ts'
import { createFunctionService, type FunctionService } from '#scripts/emulator/function-service.ts'
import { startGateway } from '#scripts/emulator/gateway.ts'
import type { FunctionSpec } from '#scripts/functions.ts'
import { EXECUTABLES, root, type RuntimeName } from '#tests/runtime/executables.ts'

const CLOUDS = { fc: fcCloud, scf: scfCloud } as const

export interface SampleOptions {
  readonly as: keyof typeof CLOUDS
  readonly runtime: RuntimeName
  /** The source of the function `sample`. */
  readonly source: string
  readonly spec?: Partial<FunctionSpec>
  readonly maxInstances?: number
  readonly idleMs?: number
  readonly startMs?: number
  readonly clock?: () => number
}

export interface SampleCloud {
  readonly url: string
  readonly port: number
  readonly folder: string
  readonly service: FunctionService
  readonly lines: readonly string[]
  readonly notes: readonly string[]
  /** Writes a file beside the function's index.ts. */
  readonly save: (name: string, text: string) => void
  readonly remove: (name: string) => void
  stop(): Promise<void>
}

/** A function whose fetch is `body`, where `url`, `request` and `invocation` are known. */
export function sampleSource(body: string, top = ''): string {
  return `${top}
export default {
  name: 'sample',
  async fetch(request, invocation) { const url = new URL(request.url); ${body} },
}`
}

/** A gateway over one function in a temporary folder. */
export async function startSampleCloud(options: SampleOptions): Promise<SampleCloud> {
  const { as, runtime, source, maxInstances = 3, idleMs = 60_000, clock = Date.now } = options
  const folder = mkdtempSync(join(tmpdir(), 'xiaohan-cloud-'))
  const sampleDir = join(folder, 'functions', 'sample')
  const [lines, notes]: [string[], string[]] = [[], []]
  const save = (name: string, text: string) => writeFileSync(join(sampleDir, name), text)
  mkdirSync(sampleDir, { recursive: true })
  save('index.ts', source)
  const spec = {
    name: 'sample',
    paths: ['/sample'],
    timeoutS: 10,
    concurrency: 1,
    memoryMb: 128,
    budgetKb: 50,
    ...options.spec,
  }
  const bundlers = createFunctionBundlers(['sample'], {
    root,
    functionsDir: join(folder, 'functions'),
    outDir: join(folder, 'build'),
    built: ({ name }) => notes.push(`built ${name}`),
    failed: (_name, message) => notes.push(message),
  })
  const service = createFunctionService({
    spec,
    cloud: CLOUDS[as],
    bundler: bundlers.of('sample'),
    runtime: EXECUTABLES[runtime],
    env: { SETTING: 'from the settings' },
    startMs: options.startMs ?? 10_000,
    maxInstances,
    idleMs,
    clock,
    line: (line) => lines.push(line),
    note: (text) => notes.push(text),
  })
  const gateway = await startGateway({
    services: [service],
    port: 0,
    has: () => existsSync(join(sampleDir, 'index.ts')),
  })

  async function stop(): Promise<void> {
    await gateway.stop()
    await bundlers.stop()
    rmSync(folder, { recursive: true, force: true })
  }

  const url = `${gateway.url}/api/v1/sample`
  return {
    url,
    port: gateway.port,
    folder,
    service,
    lines,
    notes,
    save,
    remove: (name) => rmSync(join(sampleDir, name)),
    stop,
  }
}
