import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

/** A server in a process of its own. */
export interface ServerProcess {
  readonly url: string
  readonly memory: PeakMemory
  /** Time that it has had a core to itself so far, in ms. */
  cpuMs(): number
  stop(): void
}

/** The resident memory of a process, as Linux counts it. */
export interface PeakMemory {
  /** Counts from what is resident at this moment, which it returns in bytes. */
  begin(): number
  /** The most that was resident since then, in bytes. */
  peakBytes(): number
}

export interface Program {
  readonly executable: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** Starts a program that prints one JSON object with its `port` once it listens. */
export async function startServer({ executable, args, env = {} }: Program): Promise<ServerProcess> {
  const child = spawn(executable, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const port = await new Promise<number>((resolve, reject) => {
    child.once('exit', () => reject(new TypeError(`${args.join(' ')} does not start`)))
    child.stdout.once('data', (text) => resolve(JSON.parse(String(text)).port))
  })
  return { url: `http://127.0.0.1:${port}`, ...held(child) }
}

/** Starts the bundle of a function and waits until it is alive. */
export async function startFunctionProcess(program: Program, port: number): Promise<ServerProcess> {
  const { executable, args, env } = program
  const url = `http://127.0.0.1:${port}`
  const where = { HOST: '127.0.0.1', PORT: String(port) }
  const child = spawn(executable, args, { env: { ...env, ...where }, stdio: 'inherit' })
  while ((await fetch(`${url}/health/liveness`).catch(() => undefined))?.status !== 200) {
    if (child.exitCode !== null) throw new TypeError(`${args.join(' ')} does not start`)
  }
  return { url, ...held(child) }
}

function held(child: ChildProcess) {
  const pid = child.pid ?? 0
  return { memory: peakMemory(pid), cpuMs: () => cpuMs(pid), stop: () => void child.kill('SIGKILL') }
}

/** @see proc(5): utime and stime, in hundredths of a second, are the 12th and 13th field behind the program's name */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** @see proc(5): VmRSS, VmHWM, and clear_refs, whose value 5 sets VmHWM back to VmRSS */
function peakMemory(pid: number): PeakMemory {
  function bytes(name: 'VmRSS' | 'VmHWM'): number {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024
  }
  return {
    begin() {
      writeFileSync(`/proc/${pid}/clear_refs`, '5')
      return bytes('VmRSS')
    },
    peakBytes: () => bytes('VmHWM'),
  }
}
