const LOOK_EVERY_MS = 1_000
const MAX_RESTARTS = 3

export interface Supervised {
  readonly pid: number
  stop(): Promise<void>
}

/**
 * Starts a server again, at the same place, when its process has ended without being asked to. After a few
 * times it stays down, and `told` hears where to look.
 */
export function supervised<T extends Supervised>(
  first: T,
  again: () => Promise<T>,
  told: (text: string) => void,
) {
  let server = first
  let restarts = 0
  let busy = false
  const timer = setInterval(() => void look(), LOOK_EVERY_MS)

  async function look(): Promise<void> {
    if (busy || runs(server.pid)) return
    busy = true
    restarts += 1
    told(
      restarts > MAX_RESTARTS
        ? 'PostgreSQL keeps ending: see .dev/servers.log'
        : 'PostgreSQL ended; starting it again',
    )
    if (restarts > MAX_RESTARTS) clearInterval(timer)
    else await restart()
    busy = false
  }

  async function restart(): Promise<void> {
    try {
      server = await again()
    } catch (error) {
      told(error instanceof Error ? error.message : String(error))
    }
  }

  async function stop(): Promise<void> {
    clearInterval(timer)
    await server.stop()
  }

  return { stop }
}

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
