import { errorText } from '#scripts/error-text.ts'

/** A server that ran for this long is well: its end begins a new count. */
const HEALTHY_MS = 60_000
const MAX_RESTARTS = 3

export interface Supervised {
  /** Settles when the server has ended, by itself or by `stop`. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

export interface Supervision<T> {
  /** What people call it. */
  readonly name: string
  readonly again: () => Promise<T>
  readonly told: (text: string) => void
  /** Where a person finds what the server said. */
  readonly logFile: string
  /** Milliseconds of a clock that never goes back. */
  readonly clock?: () => number
}

/**
 * Starts a server again, at the same place, when its process has ended without being asked to. After a few times in
 * a row it stays down, and `told` hears where to look.
 */
export function supervised<T extends Supervised>(
  first: T,
  { name, again, told, logFile, clock = () => performance.now() }: Supervision<T>,
): { stop(): Promise<void> } {
  let server = first
  let restarting: Promise<void> | undefined
  let isStopping = false
  void watch()

  async function watch(): Promise<void> {
    let restarts = 0
    for (;;) {
      const sinceMs = clock()
      await server.ended
      if (isStopping) return
      restarts = clock() - sinceMs >= HEALTHY_MS ? 1 : restarts + 1
      if (restarts > MAX_RESTARTS) return told(`${name} keeps ending: see ${logFile}`)
      told(`${name} ended; starting it again`)
      restarting = restart()
      await restarting
    }
  }

  async function restart(): Promise<void> {
    try {
      server = await again()
    } catch (error) {
      told(errorText(error)) // the one that ended stands for it: the next round tries again
    }
  }

  async function stop(): Promise<void> {
    isStopping = true
    await restarting // which may be about to make a server that nobody would stop
    await server.stop()
  }

  return { stop }
}
