import { afterEach, describe, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { connect } from 'node:net'
import { RUNTIMES } from '#tests/runtime/executables.ts'
import { rawExchange } from '#tests/runtime/raw-exchange.ts'
import { until } from '#tests/runtime/until.ts'
import { type SampleCloud, type SampleOptions, sampleSource, startSampleCloud } from './sample-cloud.ts'

let cloud: SampleCloud | undefined
afterEach(async () => {
  await cloud?.stop()
  cloud = undefined
})

async function start(options: Partial<SampleOptions> & Pick<SampleOptions, 'source'>): Promise<SampleCloud> {
  cloud = await startSampleCloud({ as: 'fc', runtime: 'bun', ...options })
  return cloud
}

const WHO = sampleSource(
  `return Response.json({ pid: process.pid, env: process.env, headers: Object.fromEntries(request.headers) })`,
)
/** A process that speaks HTTP by itself: it sees what the cloud sends, which the runtime keeps from an app. */
const BARE = (body: string) =>
  sampleSource(
    '',
    `import { createServer } from 'node:http'
    const { FC_SERVER_PORT, PORT } = process.env
    createServer((request, response) => { ${body} }).listen(Number(FC_SERVER_PORT ?? PORT), '127.0.0.1')
    await new Promise(() => {})`,
  )
const BARE_WHO = BARE('response.end(JSON.stringify({ env: process.env, headers: request.headers }))')
const SLOW = sampleSource(
  `await new Promise((r) => setTimeout(r, Number(url.searchParams.get('ms')))); return new Response(String(process.pid))`,
)
const CRASH = sampleSource(`console.log('about to crash'); process.exit(3)`)

async function json(answer: Response | Promise<Response>): Promise<Record<string, unknown>> {
  return { ...Object(await (await answer).json()) }
}

describe.each(RUNTIMES)('a function on %s', (runtime) => {
  test('is started by its first request, under FC’s variables and headers', async () => {
    const { url, service } = await start({ source: BARE_WHO, runtime })
    const before = service.pool.size()

    const answer = await fetch(url, {
      headers: { 'x-fc-client-ip': '6.6.6.6', 'X-Scf-Request-Id': 'forged', 'x-own': 'kept' },
    })
    const seen = await json(answer)

    expect([before, service.pool.size()]).toEqual([0, 1])
    expect(seen['env']).toMatchObject({
      FC_FUNCTION_NAME: 'sample',
      HOST: '127.0.0.1',
      SETTING: 'from the settings',
    })
    expect(seen['headers']).toMatchObject({
      'x-fc-client-ip': '127.0.0.1',
      'x-fc-control-path': '/http-invoke',
      'x-own': 'kept',
    })
    expect(seen['headers']).not.toHaveProperty('x-scf-request-id')
    expect(answer.headers.get('x-fc-request-id')).toMatch(/^1-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{12}$/)
  })

  test('is started by its first request, under SCF’s variables and headers', async () => {
    const { url } = await start({ source: BARE_WHO, runtime, as: 'scf' })

    const seen = await json(
      fetch(url, { headers: { 'x-scf-remote-addr': '6.6.6.6', 'X-Fc-Request-Id': 'forged' } }),
    )

    expect(seen['env']).toMatchObject({ TENCENTCLOUD_RUNENV: 'SCF', SCF_FUNCTIONNAME: 'sample' })
    expect(seen['headers']).toMatchObject({ 'x-scf-remote-addr': '127.0.0.1', 'x-scf-name': 'sample' })
    expect(seen['headers']).not.toHaveProperty('x-fc-request-id')
  })

  test('that dies under a POST is a 502 on FC, told as such, and replaced by the next request', async () => {
    const { url, notes, lines } = await start({
      source: sampleSource(
        `if (request.method === 'POST') { console.log('about to crash'); process.exit(3) } return new Response('fine')`,
      ),
      runtime,
    })

    const crashed = await fetch(url, { method: 'POST', body: 'x' })
    const next = await fetch(url)

    expect([crashed.status, crashed.headers.get('x-fc-error-type')]).toEqual([
      502,
      'UnhandledInvocationError',
    ])
    expect(await json(crashed)).toMatchObject({
      errorMessage: 'Process exited unexpectedly before completing request',
    })
    expect([lines.includes('about to crash'), notes.includes('sample crashed (exit code 3)')]).toEqual([
      true,
      true,
    ])
    expect(await next.text()).toBe('fine')
  })

  test('ends when the program that runs it is gone, and nothing else of it stays', async () => {
    const { url, service } = await start({ source: WHO, runtime })
    const { pid } = await json(fetch(url))

    await cloud?.stop()
    cloud = undefined

    expect(service.pool.size()).toBe(0)
    expect(() => process.kill(Number(pid), 0)).toThrow()
  })
})

test('a GET whose process dies is tried once more on FC and marked as a repetition', async () => {
  const source = BARE(
    `if (request.headers['x-fc-retry-count'] === '0') process.exit(3); response.end('second try')`,
  )
  const { url } = await start({ source })

  const answer = await fetch(url)

  expect(await answer.text()).toBe('second try')
})

test('on SCF a process that dies is a 439, for a GET as well', async () => {
  const { url } = await start({ source: CRASH, as: 'scf' })

  const answer = await fetch(url)

  expect(answer.status).toBe(439)
  expect(await json(answer)).toMatchObject({
    errorCode: 1,
    errorMessage: 'Process exited before completing request',
    statusCode: 439,
  })
})

test.each([
  ['fc', 502, { errorMessage: 'Function timed out after 1 seconds' }],
  ['scf', 433, { errorMessage: 'Invoking task timed out after 1 seconds', statusCode: 433 }],
] as const)(
  'on %s a call beyond the timeout ends as the platform ends it, and the instance lives on',
  async (as, status, body) => {
    const { url, service } = await start({ source: SLOW, as, spec: { timeoutS: 1 } })

    const late = await fetch(`${url}?ms=3000`)
    const next = await fetch(`${url}?ms=0`)

    expect(late.status).toBe(status)
    expect(await json(late)).toMatchObject(body)
    expect([next.status, service.pool.size()]).toEqual([200, 1])
  },
)

test.each([
  ['fc', 502, 'FunctionNotStarted'],
  ['scf', 405, 'ContainerStateExited'],
] as const)(
  'on %s a function that cannot start says so with its own words in the terminal',
  async (as, status, name) => {
    const { url, notes, lines } = await start({
      source: sampleSource('', `throw new TypeError('TOKEN_KEYS is missing')`),
      as,
    })

    const answer = await fetch(url)

    expect(answer.status).toBe(status)
    expect(await answer.text()).toContain(name)
    expect(lines.join('\n')).toContain('"message":"TOKEN_KEYS is missing"')
    expect(notes).toContain('sample did not start: exit code 1')
  },
)

test('a process that never listens is given up after the start timeout', async () => {
  const { url } = await start({ source: sampleSource('', 'for (;;) {}'), as: 'scf', startMs: 300 })

  const answer = await fetch(url)

  expect(answer.status).toBe(446)
})

test('calls beyond what the instances take start more of them, up to the limit, then are throttled', async () => {
  const { url, service } = await start({ source: SLOW, spec: { concurrency: 2 }, maxInstances: 2 })

  const answers = await Promise.all(Array.from({ length: 6 }, () => fetch(`${url}?ms=400`)))
  const bodies = await Promise.all(
    answers.filter(({ status }) => status === 200).map((answer) => answer.text()),
  )

  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
    200, 200, 200, 200, 429, 429,
  ])
  expect(new Set(bodies).size).toBe(2)
  expect(service.pool.size()).toBe(2)
})

test('an instance that has been idle long enough ends, with FC’s pre-stop first', async () => {
  let now = 1_000_000
  const { url, service, lines } = await start({ source: WHO, idleMs: 1_000, clock: () => now })
  const { pid } = await json(fetch(url))

  now += 999
  service.pool.reap()
  const still = service.pool.size()
  now += 1
  service.pool.reap()

  expect([still, service.pool.size()]).toEqual([1, 0])
  await until(() => !alive(Number(pid)))
  expect(lines.some((line) => line.startsWith('FC PreStop End'))).toBe(true)
})

test.each([
  ['fc', 32, 400],
  ['scf', 6, 406],
] as const)(
  'on %s a body of %d MB and one byte is refused with %d, and one of exactly that passes',
  async (as, megabytes, status) => {
    const { url } = await start({
      source: sampleSource('return new Response(String((await request.arrayBuffer()).byteLength))'),
      as,
    })
    const most = megabytes * 1024 * 1024

    const refused = await fetch(url, { method: 'POST', body: new Uint8Array(most + 1) })
    const taken = await fetch(url, { method: 'POST', body: new Uint8Array(most) })

    expect(refused.status).toBe(status)
    expect(await taken.text()).toBe(String(most))
  },
)

test('FC refuses headers beyond 8 KB and a target beyond 4 KB', async () => {
  const { url } = await start({ source: WHO })

  const headers = await fetch(url, { headers: { 'x-long': 'a'.repeat(8 * 1024) } })
  const target = await fetch(`${url}?${'a'.repeat(4 * 1024)}`)

  expect([headers.status, target.status]).toEqual([400, 400])
  expect(await json(target)).toMatchObject({ ErrorCode: 'InvalidArgument' })
})

test('SCF refuses answers beyond 6 MB and headers beyond 4 KB', async () => {
  const source = sampleSource(
    `return url.searchParams.has('body') ? new Response(new Uint8Array(6 * 1024 * 1024 + 1)) : new Response('', { headers: { 'x-long': 'a'.repeat(4096) } })`,
  )
  const { port } = await start({ source, as: 'scf' })
  // By hand, because `fetch` takes every 407 for a proxy's and fails.
  const get = (target: string) => rawExchange(port, `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`, 1_000)

  const answers = await Promise.all([get('/api/v1/sample?body'), get('/api/v1/sample')])

  expect(answers.map(({ text }) => text.slice(9, 12))).toEqual(['407', '407'])
})

test('headers that a function may not send are taken out, its cookies stay apart', async () => {
  const source = sampleSource(
    `return new Response('', { headers: [['x-fc-mine', '1'], ['server', 's'], ['set-cookie', 'a=1'], ['set-cookie', 'b=2'], ['x-kept', '1']] })`,
  )
  const { url } = await start({ source })

  const { headers } = await fetch(url)

  expect([headers.get('x-fc-mine'), headers.get('server'), headers.get('x-kept')]).toEqual([null, null, '1'])
  expect(headers.getSetCookie()).toEqual(['a=1', 'b=2'])
})

test('a client that goes away in the middle of its upload is no news', async () => {
  const { port, url, notes } = await start({ source: WHO })
  await fetch(url)
  const before = notes.length

  const socket = connect(port, '127.0.0.1')
  const gone = once(socket, 'close')
  socket.write('POST /api/v1/sample HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf', () =>
    socket.destroy(),
  )
  await gone
  const next = await fetch(url)

  expect([next.status, notes.length]).toEqual([200, before])
})

test('a path that no function has is a 404', async () => {
  const { url } = await start({ source: WHO })

  const answer = await fetch(url.replace('/sample', '/sampler'))

  expect(answer.status).toBe(404)
})

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
