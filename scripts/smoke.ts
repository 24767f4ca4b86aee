// What a new user does, from nothing: clone, npm start, sign in, read, Ctrl-C. Only committed work is cloned.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from './services/free-port.ts'
import { descendants, processesIn, type RunningProcess, runningProcesses } from './smoke/processes.ts'

const READY_MS = 5 * 60_000
const CALL_MS = 30_000
const END_MS = 10_000
const POLL_MS = 50

const root = dirname(import.meta.dirname)
/** Settings of this machine and of the npm that may have started us would change what is tried. */
const FOREIGN =
  /^(npm_|NODE_|DATABASE_|REDIS_|WECHAT_|TOKEN_|DATA_KEYS|INDEX_KEY|SIGNING_|STORAGE_|FILES_|CLAMD_|INIT_CWD)/

async function main(): Promise<void> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'xiaohan-smoke-')))
  chmodSync(folder, 0o755) // PostgreSQL runs under another account when this is root
  let npm: ChildProcess | undefined
  try {
    const clone = join(folder, 'xiaohan')
    await step('git clone', () => execFileSync('git', ['clone', '--quiet', root, clone]))
    const port = await freePort()
    npm = start(clone, port)
    const started = npm
    await step('npm start, ready', () => ready(started))
    await step('POST /login, GET /user', () => signInAndRead(`http://127.0.0.1:${port}/api/v1`))
    await step('Ctrl-C', () => interrupt(started))
    await step('no process left', () => nothingLeft(folder))
  } finally {
    kill(npm)
    rmSync(folder, { recursive: true, force: true })
  }
}

async function step(name: string, work: () => unknown): Promise<void> {
  const from = performance.now()
  try {
    await work()
  } catch (error) {
    console.error(`${name}: failed`)
    throw error
  }
  console.log(`${name}: ok, ${Math.round(performance.now() - from)} ms`)
}

/** A process group of its own, as a terminal gives each command, so that Ctrl-C can be sent to all of it. */
function start(cwd: string, port: number): ChildProcess {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !FOREIGN.test(name)))
  const args = ['start', '--', '--port', String(port)]
  return spawn('npm', args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
}

async function ready(npm: ChildProcess): Promise<void> {
  let output = ''
  const closed = once(npm, 'close').then(() => 'closed' as const)
  const banner = new Promise<'ready'>((resolve) => {
    for (const stream of [npm.stdout, npm.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text
        if (/is ready in \d+ ms/.test(output)) resolve('ready')
      })
  })
  const outcome = await Promise.race([closed, banner, delay(READY_MS, 'late' as const, { ref: false })])
  if (outcome !== 'ready') throw new Error(`npm start did not become ready (${outcome}):\n${output}`)
}

async function signInAndRead(api: string): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const login = await call(`${api}/login`, { method: 'POST', headers, body: '{"code":"dev-alice"}' })
  const token = /"accessToken":"([^"]+)"/.exec(login)?.[1]
  if (token === undefined) throw new Error(`POST /login answered ${login}`)
  const user = await call(`${api}/user`, { headers: { authorization: `Bearer ${token}` } })
  if (!user.startsWith('{"code":0')) throw new Error(`GET /user answered ${user}`)
}

async function call(url: string, init: RequestInit): Promise<string> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(CALL_MS) })
  return response.text()
}

async function interrupt(npm: ChildProcess): Promise<void> {
  if (npm.pid === undefined) throw new Error('npm has no process id')
  const family = descendants(npm.pid)
  process.kill(-npm.pid, 'SIGINT')
  const late = delay(END_MS, 'late' as const, { ref: false })
  if (npm.exitCode === null && (await Promise.race([once(npm, 'close'), late])) === 'late')
    throw new Error(`npm start did not end within ${END_MS} ms`)
  // The shell between npm and us ends by the signal it got as well, whatever our own exit code, and npm copies it.
  if (npm.exitCode !== 0 && npm.signalCode !== 'SIGINT')
    throw new Error(`npm start ended with ${npm.exitCode ?? npm.signalCode}`)
  const alive = runningProcesses().filter(({ pid }) => family.some((member) => member.pid === pid))
  if (alive.length > 0) throw new Error(`These outlived it:\n${listed(alive)}`)
}

/** A killed process takes a moment to vanish from the system's table. */
async function nothingLeft(folder: string): Promise<void> {
  const late = performance.now() + END_MS
  let left = processesIn(folder)
  while (left.length > 0 && performance.now() < late) {
    await delay(POLL_MS)
    left = processesIn(folder)
  }
  if (left.length > 0) throw new Error(`These are left:\n${listed(left)}`)
}

function listed(processes: readonly RunningProcess[]): string {
  return processes.map(({ pid, command }) => `  ${pid} ${command}`).join('\n')
}

/** After a failure: npm and all of its group; what they started ends with them. */
function kill(npm: ChildProcess | undefined): void {
  if (npm?.pid === undefined) return
  try {
    process.kill(-npm.pid, 'SIGKILL')
  } catch {
    // the whole group has ended, as it should
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
