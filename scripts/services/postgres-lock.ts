import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Removes the lock file of a server that was killed. PostgreSQL does so itself, but not when its old process id
 * meanwhile belongs to another program, which after a restart of a container is the rule.
 *
 * @throws Error when the process that made it lives and is PostgreSQL.
 */
export function clearStaleLock(cluster: string): void {
  const lock = join(cluster, 'postmaster.pid')
  if (!existsSync(lock)) return
  const pid = Number(readFileSync(lock, 'utf8').split('\n')[0])
  if (commandOf(pid).includes('postgres')) {
    throw new Error(
      `Cannot start PostgreSQL: process ${pid} already runs on ${cluster}. Stop it, or use another folder.`,
    )
  }
  rmSync(lock, { force: true })
}

/** The command line of a process; empty when there is none. */
function commandOf(pid: number): string {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    if (process.platform === 'win32') return '' // PostgreSQL's own check has to do.
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' })
  } catch {
    return '' // No such process.
  }
}
