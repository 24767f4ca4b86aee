import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { DoomedSettings } from './doomed-callback.ts'

export interface DoomedProcess {
  readonly url: string
  /** Whether it is over, once that is known. */
  hasEnded(): boolean
  /** Resolves when it is over. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

/** Starts the callback function that dies when told, on the runtime that the tests run on. */
export async function startDoomed(settings: DoomedSettings): Promise<DoomedProcess> {
  const program = join(import.meta.dirname, 'doomed-callback.ts')
  const child = spawn(process.execPath, [program, JSON.stringify(settings)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let isOver = false
  const ended = once(child, 'exit').then(() => void (isOver = true))
  const lines = createInterface({ input: child.stdout })
  const [url] = (await Promise.race([once(lines, 'line'), ended.then(() => [])])) as [string?]
  if (url === undefined) throw new TypeError('The callback function ended before it served')
  return {
    url,
    hasEnded: () => isOver,
    ended,
    async stop() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
