const LOOK_EVERY_MS = 1_000
const MAX_RESTARTS = 3

export interface Supervised {
  readonly pid: number
  stop(): Promise<void>
}

export interface Supervision<T> {
  readonly name: string
  readonly again: () => Promise<T>
  readonly told: (text: string) => void
}

/**
 * Starts a server again, at the same place, when its process has ended without being asked to. After a few
 * times it stays down, and `told` hears where to look. `name` is what people call it.
 */
export function supervised<T extends Supervised>(
  first: T,
  { name, again, told }: Supervision<T>,
): { stop(): Promise<void> } {
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
        ? `${name} keeps ending: see .dev/servers.log`
        : `${name} ended; starting it again`,
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
