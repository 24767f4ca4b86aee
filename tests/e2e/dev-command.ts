import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { descendants, type RunningProcess } from '#scripts/smoke/processes.ts'
import { EXECUTABLES, root } from '#tests/runtime/executables.ts'
import { until } from '#tests/runtime/until.ts'
import { temporaryFolder } from '#tests/services/servers.ts'

/** The program behind `npm start`, as a process of its own. */
export interface DevCommand {
  /** `http://127.0.0.1:<port>` of the API. */
  readonly url: string
  /** Of the WeChat stand-in. */
  readonly wechatUrl: string
  /** Its data folder. */
  readonly folder: string
  readonly pid: number
  /** What it has printed so far. */
  output(): string
  /** What it printed up to the blank line under its curl line. */
  banner(): string
  /** Processes that run a function. */
  instances(name: string): readonly RunningProcess[]
  /** Ends it, and resolves with its exit code, or the signal's name where that ended it. */
  end(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): Promise<number | string>
}

export interface DevCommandOptions {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** A new one unless given. */
  readonly folder?: string
}

/** Settings of whoever runs the tests, which must not choose what the command starts. */
const OWN_SETTINGS =
  /^(DATABASE_|REDIS_|WECHAT_|TOKEN_|DATA_KEYS|INDEX_KEY|SIGNING|PARTNER_|PUBLIC_|TRUSTED_|RATE_|ADMIN_|CORS_|STORAGE_|FILES_|CLAMD_|PAYMENT_|WEBHOOK_|EVENT_BUS_|ORDER_|OUTBOX_|LOG_LEVEL|NODE_|FORCE_COLOR)/

/** Ends what a failed test left; a command that was ended takes no harm. */
const started = new Set<ChildProcess>()
process.on('exit', () => started.forEach((child) => child.kill('SIGKILL')))

/** Starts the local cloud on any free port and waits until it serves. @throws Error with its output when it does not */
export async function startDevCommand(options: DevCommandOptions = {}): Promise<DevCommand> {
  const { folder = temporaryFolder() } = options
  const run = runDevCommand({ ...options, folder })
  const { child } = run
  await until(() => /is ready in \d+ ms[^]*-d '[^\n]*\n\n/.test(run.output()) || ended(child), 60_000)
  if (ended(child) || child.pid === undefined)
    throw new Error(`The local cloud did not start:\n${run.output()}`)
  const { pid } = child

  return {
    url: found(run.output(), /API +(http:\S+)\/api\/v1/),
    wechatUrl: found(run.output(), /stand-in at (http:\S+)/),
    folder,
    pid,
    output: () => run.output(),
    banner: () => run.output().slice(0, run.output().indexOf("}'\n") + 3),
    instances: (name) =>
      descendants(pid).filter(
        ({ command }) => command.includes('host.mjs') && command.includes(`${folder}/build/${name}`),
      ),
    async end(signal) {
      child.kill(signal)
      return run.exit
    },
  }
}

export interface DevRun {
  readonly child: ChildProcess
  output(): string
  /** Its exit code, or the name of the signal that ended it. */
  readonly exit: Promise<number | string>
}

/** Runs the command whatever comes of it. */
export function runDevCommand({
  args = [],
  env = {},
  folder,
}: DevCommandOptions & { readonly folder: string }): DevRun {
  const own = Object.entries(process.env).filter(([name]) => !OWN_SETTINGS.test(name))
  const command = [join(root, 'scripts', 'dev.ts'), '--port', '0', '--data-folder', folder, ...args]
  const child = spawn(EXECUTABLES.node, command, {
    env: { ...Object.fromEntries(own), NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  started.add(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const exit = once(child, 'close').then(([code, signal]: unknown[]) => {
    started.delete(child)
    return typeof code === 'number' ? code : String(signal)
  })
  return { child, output: () => output, exit }
}

function ended({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

function found(text: string, pattern: RegExp): string {
  const [, value] = pattern.exec(text) ?? []
  if (value === undefined) throw new Error(`${String(pattern)} is not in:\n${text}`)
  return value
}
