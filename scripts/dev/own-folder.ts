import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Makes a data folder this run's own until `release`, so that two runs never share a database or reset each other's.
 *
 * @throws Error when another run that still lives has it
 */
export function ownFolder(folder: string): { release(): void } {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'owner')
  if (!claimed(file)) {
    const pid = Number(readFileSync(file, 'utf8'))
    if (alive(pid))
      throw new Error(`Cannot start: another run (process ${pid}) uses ${folder}. End it first.`)
    rmSync(file, { force: true }) // it was killed
    if (!claimed(file)) throw new Error(`Cannot start: another run has just begun in ${folder}.`)
  }
  return { release: () => rmSync(file, { force: true }) }
}

function claimed(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' })
    return true
  } catch {
    return false
  }
}

/** Whether a process is a run like this one: after a restart of the machine its number may be anyone's. */
function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return process.platform !== 'linux' || readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('dev.ts')
  } catch {
    return false
  }
}
