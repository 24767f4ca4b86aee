import type { FunctionProcess } from './function-process.ts'

/** A spare that no build came to use ends after this. */
const KEEP_MS = 30_000

/**
 * At most one process that waits for a bundle. It is started when a save is noticed, so that starting a runtime and
 * building take place at the same time. Without a save there is none: a first request meets a true cold start.
 */
export interface SpareProcess {
  /** Starts one unless there is one. */
  prepare(launch: () => Promise<FunctionProcess>): void
  /** The process, to be used by the caller from now on; undefined when there is none that lives. */
  take(): Promise<FunctionProcess | undefined>
  stop(): Promise<void>
}

export function createSpareProcess(): SpareProcess {
  let spare: Promise<FunctionProcess | undefined> | undefined
  let timer: NodeJS.Timeout | undefined

  function prepare(launch: () => Promise<FunctionProcess>): void {
    if (spare !== undefined) return
    spare = launch().catch(() => undefined) // the caller of `take` starts one itself, and meets the same error
    timer = setTimeout(() => void stop(), KEEP_MS).unref()
  }

  async function take(): Promise<FunctionProcess | undefined> {
    clearTimeout(timer)
    const taken = spare
    spare = undefined
    const process = await taken
    return process?.alive() === true ? process : undefined
  }

  async function stop(): Promise<void> {
    const process = await take()
    process?.kill()
    await process?.exited
  }

  return { prepare, take, stop }
}
