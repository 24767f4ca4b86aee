import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A server kept alive for as long as this process lives. */
export interface Kept {
  readonly pid: number
  /** The last lines it printed, for error messages. */
  output(): string
  /** Settles when it has ended by itself or by `stop`. */
  readonly ended: Promise<void>
  /** Asks it to end, and kills it when it has not done so within 5 s. */
  stop(): Promise<void>
}

export interface KeepOptions {
  readonly command: string
  readonly args: readonly string[]
  /** The signal that means "stop at once, but tidily" to this server. */
  readonly stopSignal: 'INT' | 'TERM'
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** The account to run under; this process's own unless given. */
  readonly account?: Account | undefined
  readonly log?: ((line: string) => void) | undefined
}

export interface Account {
  readonly uid: number
  readonly gid: number
}

/** The account "nobody", for servers that refuse to run as root; undefined where this process is not root. */
export const NOBODY: Account | undefined = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : undefined

// A shell stands between this process and the server and reads a pipe that only this process holds open: however
// this process ends, kill -9 included, the pipe closes and the shell stops the server. It says so again and again: a
// server that has just been started may not listen to signals yet.
const KEEPER = `signal=$1; shift; exec 3<&0
"$@" </dev/null >&2 3<&- & server=$!
echo $server
(read -r _ <&3
tries=0
while kill -s $signal $server; do
  tries=$((tries + 1)); [ $tries -lt 25 ] || signal=KILL
  sleep 0.2
done) >/dev/null 2>&1 & watcher=$!
wait $server; code=$?
kill $watcher 2>/dev/null
exit $code`

const KEPT_LINES = 40
const STOP_TIMEOUT_MS = 5_000

/** Starts a server that ends with this process. @throws Error when the command cannot be started. */
export async function keep({
  command,
  args,
  stopSignal,
  env,
  cwd,
  account,
  log,
}: KeepOptions): Promise<Kept> {
  const windows = process.platform === 'win32'
  const [file, argv] = windows
    ? [command, [...args]]
    : ['/bin/sh', ['-c', KEEPER, 'keeper', stopSignal, command, ...args]]
  const child = spawn(file, argv, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    // A session of its own: Ctrl-C in the terminal must reach this process alone, which then stops in order.
    detached: !windows,
    ...(cwd === undefined ? {} : { cwd }),
    ...account,
  })
  const ended = new Promise<void>((resolve) => void child.once('close', () => resolve()))
  const lines: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines.push(line)
    if (lines.length > KEPT_LINES) lines.shift()
    log?.(line)
  })
  child.stdin.on('error', () => {}) // The shell went first; `ended` tells.
  await once(child, 'spawn')

  return {
    pid: windows ? ownPid(child) : await firstLine(child),
    output: () => lines.join('\n'),
    ended,
    stop: () => stop(child, ended),
  }
}

function ownPid(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error('Cannot start the server: it has no process id')
  return child.pid
}

async function firstLine(
  child: ChildProcess & { stdout: NonNullable<ChildProcess['stdout']> },
): Promise<number> {
  const [data] = (await once(child.stdout, 'data')) as [Uint8Array] // The stream has no encoding, so chunks are bytes.
  return Number(String(data).trim())
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (process.platform === 'win32') child.kill()
  else child.stdin?.end()
  const timer = setTimeout(() => {
    if (child.pid !== undefined && child.exitCode === null) killGroup(child.pid)
  }, STOP_TIMEOUT_MS)
  await ended
  clearTimeout(timer)
}

/** Kills the shell, its watcher and the server: a negative id is the whole group. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // The last of them ended a moment ago.
  }
}
