import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'

const POLL_MS = 2
const KILL_AFTER_MS = 6_000

export interface FunctionProcessOptions {
  /** The runtime's executable and what comes before the port in its arguments. */
  readonly command: readonly [string, ...string[]]
  readonly env: Readonly<Record<string, string>>
  readonly port: number
  /** Told of each line the process writes. */
  readonly line: (line: string) => void
}

export interface FunctionProcess {
  readonly pid: number | undefined
  readonly port: number
  /** Writes a line to its standard input. */
  readonly say: (line: string) => void
  /** Resolves with `up` once it accepts connections; else with what happened within `startMs` instead. */
  readonly listening: (startMs: number) => Promise<'up' | 'exited' | 'silent'>
  /** Resolves with a description when it has ended. */
  readonly exited: Promise<string>
  readonly alive: () => boolean
  /** SIGTERM, and SIGKILL when it does not end within 6 s. */
  readonly stop: () => Promise<void>
  readonly kill: () => void
}

/** Starts a function as an operating-system process of its own, out of the terminal's Ctrl-C. */
export function startFunctionProcess(options: FunctionProcessOptions): FunctionProcess {
  const { command, env, port, line } = options
  const [executable, ...args] = command
  const child = spawn(executable, args, { env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] })
  let running = true
  const exited = ended(child).finally(() => {
    running = false
  })
  child.stdin.on('error', () => {}) // it ended before we did
  for (const stream of [child.stdout, child.stderr]) readLines(stream, line)

  async function stop(): Promise<void> {
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS)
    await exited
    clearTimeout(timer)
  }

  return {
    pid: child.pid,
    port,
    say: (text) => void child.stdin.write(`${text}\n`),
    listening: (startMs) => accepting(port, startMs, exited),
    exited,
    alive: () => running,
    stop,
    kill: () => void child.kill('SIGKILL'),
  }
}

async function ended(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message))
    // `close` comes when its output has been read to the end as well.
    child.once('close', (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`))
  })
}

function readLines(stream: Readable, take: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Infinity }).on('line', take)
}

async function accepting(
  port: number,
  startMs: number,
  exited: Promise<string>,
): Promise<'up' | 'exited' | 'silent'> {
  const late = Date.now() + startMs
  let gone = false
  void exited.then(() => {
    gone = true
  })
  while (Date.now() < late) {
    const isUp = await answers(port)
    await delay(isUp ? 0 : POLL_MS)
    // Looked at last: who answers on the port of a process that has gone is another program.
    if (gone) return 'exited'
    if (isUp) return 'up'
  }
  return 'silent'
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false // not yet
  } finally {
    socket.destroy()
  }
}
