import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { freePort } from '#scripts/services/free-port.ts'

const root = dirname(import.meta.dirname)
const READY_TIMEOUT_MS = 60_000

export interface RunningCloud {
  readonly api: string
  /** From spawning the program to its first answer. */
  readonly readyMs: number
  stop(): Promise<void>
}

/** `npm start` as a process, npm's own start-up apart, on its own data folder. */
export async function startLocalCloud(dataDir: string, sources: string = root): Promise<RunningCloud> {
  const port = await freePort()
  const api = `http://127.0.0.1:${port}/api/v1`
  const startedAt = performance.now()
  const child = spawn(
    process.execPath,
    [join(sources, 'scripts', 'dev.ts'), '--port', String(port), '--data-folder', dataDir],
    {
      cwd: sources,
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  const readyMs = await untilReady(child.stdout, startedAt)
  return {
    api,
    readyMs,
    async stop() {
      child.kill('SIGINT')
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}

async function untilReady(output: NodeJS.ReadableStream, startedAt: number): Promise<number> {
  const timeout = AbortSignal.timeout(READY_TIMEOUT_MS)
  let text = ''
  while (!text.includes('is ready')) {
    const [chunk] = await once(output, 'data', { signal: timeout })
    text += String(chunk)
  }
  const readyMs = performance.now() - startedAt
  output.resume()
  return readyMs
}
