import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'

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
  if (basename(programOf(pid)).includes('postgres')) {
    throw new Error(
      `Cannot start PostgreSQL: process ${pid} already runs on ${cluster}. Stop it, or use another folder.`,
    )
  }
  rmSync(lock, { force: true })
}

/** The program that a process runs; empty when there is none. */
function programOf(pid: number): string {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0] ?? ''
    if (process.platform === 'win32') return '' // PostgreSQL's own check has to do.
    return execFileSync('ps', ['-o', 'comm=', '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    return '' // No such process.
  }
}
