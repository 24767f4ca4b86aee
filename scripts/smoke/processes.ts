import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export interface RunningProcess {
  readonly pid: number
  readonly parentPid: number
  /** As `ps` shows it. */
  readonly command: string
  /** The folder it works in; empty where the system does not tell. */
  readonly cwd: string
}

/** Every process of this machine that runs. One that has ended and waits to be collected does not. */
export function runningProcesses(): readonly RunningProcess[] {
  return process.platform === 'linux' ? fromProc() : fromPs()
}

/** The processes that `pid` started, and those that they started. */
export function descendants(pid: number): readonly RunningProcess[] {
  const all = runningProcesses()
  const below = (parent: number): readonly RunningProcess[] =>
    all.filter(({ parentPid }) => parentPid === parent).flatMap((child) => [child, ...below(child.pid)])
  return below(pid)
}

/** The processes whose command line or working folder lies in `folder`. */
export function processesIn(folder: string): readonly RunningProcess[] {
  return runningProcesses().filter(
    ({ pid, command, cwd }) =>
      pid !== process.pid && (command.includes(folder) || cwd === folder || cwd.startsWith(`${folder}/`)),
  )
}

function fromProc(): readonly RunningProcess[] {
  return readdirSync('/proc').flatMap((name) => {
    const found = /^\d+$/.test(name) ? readProc(Number(name)) : undefined
    return found === undefined ? [] : [found]
  })
}

function readProc(pid: number): RunningProcess | undefined {
  try {
    // The program's name in brackets may itself hold brackets and spaces. @see proc_pid_stat(5)
    const [state = '', parent = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    if (state === 'Z' || state === 'X') return undefined
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
    return { pid, parentPid: Number(parent), command, cwd: readlinkSync(`/proc/${pid}/cwd`) }
  } catch {
    return undefined // it ended while we read
  }
}

function fromPs(): readonly RunningProcess[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' }).split('\n')
  return lines.flatMap((line) => {
    const [, pid, parentPid, state = '', command = ''] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? []
    return pid === undefined || state.startsWith('Z')
      ? []
      : [{ pid: Number(pid), parentPid: Number(parentPid), command, cwd: '' }]
  })
}
