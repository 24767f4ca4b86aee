import { afterEach, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { descendants, processesIn, type RunningProcess, runningProcesses } from '#scripts/smoke/processes.ts'
import { until } from '#tests/runtime/until.ts'
import { temporaryFolder } from '#tests/services/servers.ts'
import { createClient } from './client.ts'
import { type DevCommand, runDevCommand, startDevCommand } from './dev-command.ts'

const END_MS = 8_000

let cloud: DevCommand | undefined
afterEach(async () => {
  await cloud?.end('SIGTERM')
  cloud = undefined
})

/** Starts the command and calls both functions, so that all it ever starts runs. */
async function start(folder: string, ...args: readonly string[]) {
  cloud = await startDevCommand({ folder, args })
  const client = createClient(cloud.url)
  const { accessToken: token, user } = await client.signIn('alice')
  await client.call('/user', { token })
  return { cloud, userId: user.id, family: descendants(cloud.pid) }
}

function living(family: readonly RunningProcess[]): readonly RunningProcess[] {
  return runningProcesses().filter(({ pid }) => family.some((member) => member.pid === pid))
}

test('Ctrl-C ends everything with exit code 0, data is kept for the next start, --fresh forgets it', async () => {
  const folder = temporaryFolder()
  const first = await start(folder)

  const code = await first.cloud.end('SIGINT')
  const left = [...living(first.family), ...processesIn(folder)]
  const second = await start(folder)
  await second.cloud.end('SIGINT')
  const third = await start(folder, '--fresh')

  expect([code, left]).toEqual([0, []])
  const commands = first.family.map(({ command }) => command).join('\n')
  for (const part of ['build/login', 'build/user', 'postgres: ']) expect(commands).toContain(part)
  expect(second.userId).toBe(first.userId)
  expect(third.userId).not.toBe(first.userId)
}, 60_000)

test('kill -9 leaves no process behind, and the next start has the data', async () => {
  const folder = temporaryFolder()
  const first = await start(folder)

  const ended = await first.cloud.end('SIGKILL')
  await until(() => living(first.family).length === 0 && processesIn(folder).length === 0, END_MS)
  const second = await start(folder)

  expect(ended).toBe('SIGKILL')
  expect(first.family.length).toBeGreaterThanOrEqual(4)
  expect(second.userId).toBe(first.userId)
}, 60_000)

test.each(['SIGINT', 'SIGKILL'] as const)(
  '%s in the middle of the first start leaves nothing that hinders the next',
  async (signal) => {
    const folder = temporaryFolder()
    const run = runDevCommand({ folder })
    await until(() => processesIn(folder).some(({ command }) => command.startsWith('postgres: ')))
    const family = run.child.pid === undefined ? [] : descendants(run.child.pid)

    run.child.kill(signal)
    const code = await run.exit
    await until(() => living(family).length === 0 && processesIn(folder).length === 0, END_MS)
    const next = await start(folder)

    expect(code).toBe(signal === 'SIGINT' ? 0 : 'SIGKILL')
    expect(next.userId).toMatch(/^[0-9a-f-]{36}$/)
  },
  60_000,
)

test('PostgreSQL killed with kill -9 is started again, with what it held', async () => {
  const { cloud, userId } = await start(temporaryFolder())
  const server = descendants(cloud.pid).find(({ command }) => /^\S+postgres -D/.test(command))

  if (server === undefined) throw new Error('The local cloud runs no PostgreSQL')
  process.kill(server.pid, 'SIGKILL')
  const { call } = createClient(cloud.url)
  const signIn = () => call('/login', { body: { code: 'dev-alice' } })
  await until(async () => (await signIn()).status === 503)
  await until(async () => (await signIn()).status === 200)

  expect((await signIn()).body.data.user.id).toBe(userId)
  expect(cloud.output()).toContain('PostgreSQL ended; starting it again')
}, 60_000)

test('a second start on the same data is refused and says who uses it; the first goes on', async () => {
  const folder = temporaryFolder()
  const { cloud } = await start(folder)

  const second = runDevCommand({ folder, args: ['--fresh'] })

  expect(await second.exit).toBe(1)
  expect(second.output()).toContain(`another run (process ${cloud.pid}) uses ${folder}`)
  expect((await createClient(cloud.url).signIn('alice')).user.id).toMatch(/^[0-9a-f-]{36}$/)
}, 60_000)

test('a port that is taken is named in one line, and nothing stays running', async () => {
  const folder = temporaryFolder()
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const address = other.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0

  const run = runDevCommand({ folder, args: ['--port', String(port)] })
  const code = await run.exit
  other.close()

  expect(code).toBe(1)
  expect(run.output()).toContain(`the port is taken by another program (${port})`)
  expect(run.output()).not.toMatch(/^ +at /m)
  expect(processesIn(folder)).toEqual([])
}, 60_000)
