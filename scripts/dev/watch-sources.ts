import { existsSync, type FSWatcher, watch } from 'node:fs'
import { join } from 'node:path'

const WATCHED = ['functions', 'shared']
/** Editors save in several steps; a build in the middle of them would be thrown away. */
const QUIET_MS = 15

/**
 * Calls `changed` shortly after sources change, so that a build is often done before the request that needs it, and
 * its errors are seen at once. Nothing depends on it: the bundlers look at the files themselves.
 */
export function watchSources(root: string, changed: () => void): { stop(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined
  const watchers = WATCHED.map((name) => join(root, name)).flatMap(open)

  function open(folder: string): readonly FSWatcher[] {
    if (!existsSync(folder)) return []
    const watcher = watch(folder, { recursive: true }, () => {
      clearTimeout(timer)
      timer = setTimeout(changed, QUIET_MS)
    })
    // A folder that vanishes, or a machine without watches to spare: requests still see every save.
    watcher.on('error', () => watcher.close())
    return [watcher]
  }

  async function stop(): Promise<void> {
    clearTimeout(timer)
    for (const watcher of watchers) watcher.close()
  }

  return { stop }
}
