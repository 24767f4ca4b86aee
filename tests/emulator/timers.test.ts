import { afterEach, describe, expect, test } from '@jest/globals'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fireTimer } from '#scripts/invoke/fire-timer.ts'
import { startTimers, type Timers } from '#scripts/emulator/timers.ts'
import { RUNTIMES } from '#tests/runtime/executables.ts'
import { rawExchange } from '#tests/runtime/raw-exchange.ts'
import { until } from '#tests/runtime/until.ts'
import { temporaryFolder } from '#tests/services/servers.ts'
import { type SampleCloud, type SampleOptions, startSampleCloud } from './sample-cloud.ts'

const SPEC = { paths: [], timer: { name: 'sweep', everyS: 60 } }
const NOW = Date.parse('2026-07-01T12:00:00.789Z')

let cloud: SampleCloud | undefined
let timers: Timers | undefined
afterEach(async () => {
  await timers?.stop()
  await cloud?.stop()
  cloud = timers = undefined
})

async function start(source: string, options: Partial<SampleOptions> = {}): Promise<SampleCloud> {
  cloud = await startSampleCloud({
    as: 'fc',
    runtime: 'bun',
    source,
    ...options,
    spec: { ...SPEC, ...options.spec },
  })
  return cloud
}

/** A function whose `event` is `body`, and whose `fetch` answers 200. */
function eventSource(body: string): string {
  return `import { existsSync } from 'node:fs'
export default {
  name: 'sample',
  async fetch() { return new Response('a client') },
  async event(event, invocation) { ${body} },
}`
}

const TELL = eventSource('console.log("event " + JSON.stringify(event))')
const THROW = eventSource('throw new Error("the sweep broke")')

/** The events that TELL has printed, once there is one: output may come after the answer. */
async function events(lines: readonly string[]): Promise<readonly string[]> {
  const told = () => lines.filter((line) => line.startsWith('event '))
  await until(() => told().length > 0)
  return told().map((line) => line.slice('event '.length))
}

/** Works on its event until a file is there. */
function held(): { readonly source: string; readonly release: () => void } {
  const file = join(temporaryFolder(), 'released')
  const source = eventSource(`
    console.log('began')
    while (!existsSync(${JSON.stringify(file)})) await new Promise((r) => setTimeout(r, 5))`)
  return { source, release: () => writeFileSync(file, '') }
}

/** A service that counts how often its timer is fired. */
function counting(name: string, everyS?: number) {
  const state = { fired: 0 }
  const timer = everyS === undefined ? {} : { timer: { name: 'tick', everyS } }
  const service = {
    spec: { name, paths: [], timeoutS: 10, concurrency: 1, memoryMb: 128, budgetKb: 50, ...timer },
    async fireTimer() {
      state.fired += 1
      return { status: 200, tookMs: 0 }
    },
  }
  return { state, service }
}

async function control(path: string, init: RequestInit = { method: 'POST' }) {
  const answer = await fetch(`http://127.0.0.1:${cloud?.port}/_control/timers/${path}`, init)
  return { status: answer.status, body: { ...Object(await answer.json()) } }
}

describe.each(RUNTIMES)('a timer of a function on %s', (runtime) => {
  test.each([
    ['fc', '/fc/timers/sweep', ''],
    ['scf', '/scf/timers/sweep', ''],
  ] as const)('brings %s’s event to a process of its own', async (as, source, data) => {
    const { service, lines } = await start(TELL, { as, runtime, clock: () => NOW })
    const before = service.pool.size()

    const fired = await service.fireTimer()

    expect(fired).toMatchObject({ status: 200 })
    expect([before, service.pool.size()]).toEqual([0, 1])
    expect(JSON.parse((await events(lines))[0] ?? '')).toMatchObject({
      specversion: '1.0',
      source,
      type: 'timer',
      time: '2026-07-01T12:00:00Z',
      data,
    })
  })

  test.each([
    ['fc', 404],
    ['scf', 500],
  ] as const)('whose work fails is told as %s tells it: %d', async (as, status) => {
    const { service, notes } = await start(THROW, { as, runtime })

    const fired = await service.fireTimer()

    expect(fired).toMatchObject({ status })
    expect(notes).toContain(`sample: its timer's event failed (${status})`)
  })
})

describe('a timer', () => {
  test('is not fired a second time while the first event is worked on', async () => {
    const { source, release } = held()
    const { service, lines } = await start(source)

    const first = service.fireTimer()
    await until(() => lines.includes('began'))
    const second = await service.fireTimer()
    release()

    expect(second).toBe('running')
    expect(await first).toMatchObject({ status: 200 })
    expect(lines.filter((line) => line === 'began')).toHaveLength(1)
    expect(await service.fireTimer()).toMatchObject({ status: 200 })
  })

  test('whose function dies under it is a failure, and the next event meets a new process', async () => {
    const once = join(temporaryFolder(), 'died')
    const { service, notes } = await start(
      eventSource(`
        const { writeFileSync } = await import('node:fs')
        if (!existsSync(${JSON.stringify(once)})) { writeFileSync(${JSON.stringify(once)}, ''); process.exit(3) }`),
    )

    const died = await service.fireTimer()
    const next = await service.fireTimer()

    expect([died, next]).toMatchObject([{ status: 502 }, { status: 200 }])
    expect(notes).toContain('sample crashed (exit code 3)')
    expect(notes).toContain("sample: its timer's event failed (crashed)")
  })

  test.each([
    ['fc', 502],
    ['scf', 433],
  ] as const)('whose work outlasts the function’s time is %s’s timeout', async (as, status) => {
    const { source, release } = held()
    const { service, notes } = await start(source, { as, spec: { timeoutS: 0.3 } })

    const fired = await service.fireTimer()
    release()

    expect(fired).toMatchObject({ status })
    expect(notes).toContain("sample: its timer's event failed (timeout)")
  })

  test('whose function does not build is a failure, and its build is told once', async () => {
    const { service, notes } = await start('export default {')

    const fired = await service.fireTimer()

    expect(fired).toMatchObject({ status: 500 })
    expect(notes).toHaveLength(1)
  })

  test('of a function that has none cannot be fired', async () => {
    cloud = await startSampleCloud({ as: 'fc', runtime: 'bun', source: TELL })

    await expect(cloud.service.fireTimer()).rejects.toThrow(new TypeError('sample has no timer'))
  })
})

describe('the timers of a cloud', () => {
  test('tick as often as they should, with real events', async () => {
    const { service, lines } = await start(TELL, { spec: { timer: { name: 'sweep', everyS: 0.02 } } })

    timers = startTimers([service], () => true)

    await until(() => lines.filter((line) => line.startsWith('event ')).length >= 3)
    expect(service.pool.size()).toBe(1)
  })

  test('are still once they are stopped', async () => {
    const [one, other] = [counting('one', 0.01), counting('other', 0.01)]
    const first = startTimers([one.service], () => true)
    timers = startTimers([other.service], () => true)
    await until(() => one.state.fired >= 2)

    await first.stop()
    const [firedThen, othersThen] = [one.state.fired, other.state.fired]
    await until(() => other.state.fired >= othersThen + 3)

    expect(one.state.fired).toBe(firedThen)
  })

  test('leave out functions that have no sources, or no timer', async () => {
    const [here, gone, without] = [counting('here', 0.01), counting('gone', 0.01), counting('without')]

    timers = startTimers([here.service, gone.service, without.service], ({ name }) => name !== 'gone')
    await until(() => here.state.fired >= 3)

    expect([gone.state.fired, without.state.fired]).toEqual([0, 0])
  })
})

describe('a function with a timer and no paths', () => {
  test('is reached by no client, whatever path it asks for', async () => {
    const { port, service } = await start(TELL)

    const paths = [
      '/api/v1/sample',
      '/api/v1',
      '/',
      '/invoke',
      '/event-invoke',
      '/api/v1/invoke',
      '/initialize',
    ]
    const answers = await Promise.all(
      paths.map((path) => fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST' })),
    )

    expect(answers.map(({ status }) => status)).toEqual(paths.map(() => 404))
    expect(service.pool.size()).toBe(0)
  })
})

describe('POST /_control/timers/{function}', () => {
  test('fires it and tells what came of it', async () => {
    const { lines } = await start(TELL)

    const { status, body } = await control('sample')

    expect([status, body]).toEqual([200, { status: 200, tookMs: expect.any(Number) }])
    expect(await events(lines)).toHaveLength(1)
  })

  test('tells of a failure as well', async () => {
    await start(THROW)

    expect(await control('sample')).toEqual({
      status: 200,
      body: { status: 404, tookMs: expect.any(Number) },
    })
  })

  test('is a 409 while the last event is worked on', async () => {
    const { source, release } = held()
    const { service, lines } = await start(source)
    const first = service.fireTimer()
    await until(() => lines.includes('began'))

    const { status } = await control('sample')
    release()

    expect(status).toBe(409)
    expect(await first).toMatchObject({ status: 200 })
  })

  test.each(['nobody', '', 'sample/', '__proto__', '%73ample'])(
    'of %j is a 404 that names those with a timer',
    async (name) => {
      await start(TELL)

      const { status, body } = await control(name)

      expect([status, body]).toEqual([404, { error: 'no timer of this name; functions with one: sample' }])
    },
  )

  test('is not for a web page, nor for who comes from elsewhere', async () => {
    const { port, service } = await start(TELL)
    const through = (host: string) =>
      rawExchange(
        port,
        `POST /_control/timers/sample HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      )

    const page = await control('sample', { method: 'POST', headers: { origin: 'http://127.0.0.1:9000' } })
    const tunnels = await Promise.all(
      ['abc.tunnel.example', '127.0.0.1.example', 'localhost.example:9000'].map(through),
    )

    expect(page.status).toBe(403)
    for (const answer of tunnels) expect(answer.text).toMatch(/^HTTP\/1\.1 403 /)
    expect(service.pool.size()).toBe(0)
  })

  test('is not for a GET, which a link could send', async () => {
    const { service } = await start(TELL)

    expect((await control('sample', {})).status).toBe(405)
    expect(service.pool.size()).toBe(0)
  })
})

describe('npm run invoke -- <function> --timer', () => {
  async function invoked(timerOf: string, port = cloud?.port) {
    const out: string[] = []
    const options = { timerOf, url: `http://127.0.0.1:${port}`, noFail: false }
    const status = await fireTimer(options, { out: (line) => out.push(line) })
    return { status, out }
  }

  test('shows status and duration', async () => {
    await start(TELL)

    const { status, out } = await invoked('sample')

    expect(status).toBe(200)
    expect(out).toEqual([expect.stringMatching(/^sample: done, 200 \(\d+ ms\)$/)])
  })

  test('shows that it failed', async () => {
    await start(THROW)

    const { status, out } = await invoked('sample')

    expect(status).toBe(404)
    expect(out).toEqual([expect.stringMatching(/^sample: failed, 404 \(\d+ ms\)$/)])
  })

  test('says why nothing was fired', async () => {
    await start(TELL)

    await expect(invoked('user')).rejects.toThrow(
      /did not fire the timer of user \(404\): no timer of this name; functions with one: sample$/,
    )
  })
})
