import { afterEach, describe, expect, test } from '@jest/globals'
import { createServer } from 'node:https'
import { within } from '#shared/deadline.ts'
import { Fault } from '#shared/errors.ts'
import { CallError } from '#shared/outbound/call-error.ts'
import { httpRefusal } from '#shared/outbound/http-refusal.ts'
import { createOutbound, type OutboundOptions } from '#shared/outbound/outbound.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import type { Attributes, Tracer } from '#shared/telemetry/tracer.ts'
import { SELF_SIGNED } from './self-signed.ts'
import { type ToldServer, toldServer } from './told-server.ts'

const { signal } = new AbortController()
const servers: ToldServer[] = []

afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())))

async function start(answer?: (seen: number) => string): Promise<ToldServer> {
  const server = await toldServer(answer)
  servers.push(server)
  return server
}

function setting(options: Partial<OutboundOptions> = {}) {
  const log: { readonly event: string; readonly [field: string]: unknown }[] = []
  const logger = createLogger({ level: 'debug', write: (line) => log.push(JSON.parse(line)) })
  let nowMs = 1_800_000_000_000
  const outbound = createOutbound({ logger, clock: () => nowMs, random: () => 0, ...options })
  return {
    outbound,
    log,
    advance: (ms: number) => {
      nowMs += ms
    },
  }
}

async function faultOf(work: Promise<unknown>): Promise<Fault> {
  const outcome = await work.catch((error: unknown) => error)
  if (!(outcome instanceof Fault)) throw new TypeError(`No fault but ${String(outcome)}`)
  return outcome
}

function codeOf({ cause }: Fault): string | undefined {
  return cause instanceof CallError ? cause.code : undefined
}

function goneAfter(ms: number): AbortSignal {
  const caller = new AbortController()
  setTimeout(() => caller.abort(new Error('gone')), ms)
  return caller.signal
}

const GET = { method: 'GET', timeoutMs: 2_000 } as const
const POST = { method: 'POST', body: '{}', timeoutMs: 2_000 } as const

describe('what is tried again', () => {
  test.each([
    ['a 500', { how: 'status', status: 500 }],
    ['a 503', { how: 'status', status: 503 }],
    ['a broken connection', { how: 'reset' }],
  ] as const)('%s of a repeatable call, three times at most', async (_, failure) => {
    const { outbound } = setting()
    const [mended, broken] = [await start(), await start()]
    mended.next(failure, 3)
    broken.next(failure, 4)

    const answer = await outbound.to(mended.url)({ ...POST, url: mended.url }, signal)
    await outbound
      .to(broken.url)({ ...POST, url: broken.url }, signal)
      .catch(() => {})

    expect(answer.status).toBe(200)
    expect([mended.seen.length, broken.seen.length]).toEqual([4, 4])
  })

  test.each([
    ['once', 'a 500', { how: 'status', status: 500 }],
    ['once', 'a broken connection', { how: 'reset' }],
    ['once', 'a 429', { how: 'status', status: 429, headers: { 'retry-after': '1' } }],
    ['repeatable', 'a 429 without a time', { how: 'status', status: 429 }],
    ['repeatable', 'a 400', { how: 'status', status: 400 }],
    ['repeatable', 'an answer that is too long', { how: 'huge' }],
  ] as const)('of a call that is %s not %s', async (delivery, _, failure) => {
    const { outbound } = setting()
    const server = await start()
    server.next(failure)

    await outbound
      .to(server.url)({ ...POST, url: server.url, delivery }, signal)
      .catch(() => {})

    expect(server.seen).toHaveLength(1)
  })

  test('what was never sent, even of a call to be made once', async () => {
    const { outbound, log } = setting()
    const gone = await toldServer()
    await gone.close()

    const fault = await faultOf(outbound.to(gone.url)({ ...POST, url: gone.url, delivery: 'once' }, signal))

    expect(codeOf(fault)).toBe('ECONNREFUSED')
    expect(log).toEqual([expect.objectContaining({ event: 'outbound.call', attempts: 4 })])
  })

  test('not what takes too long, nor what asks for more time than there is', async () => {
    const { outbound } = setting()
    const [silent, busy] = [await start(), await start()]
    silent.next({ how: 'silent' })
    busy.next({ how: 'status', status: 429, headers: { 'retry-after': '2' } })

    const fault = await faultOf(outbound.to(silent.url)({ ...GET, url: silent.url, timeoutMs: 50 }, signal))
    const answer = await outbound.to(busy.url)({ ...GET, url: busy.url }, within(1_000, signal))

    expect(fault.error).toBe('upstream_timeout')
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '2'])
    expect([silent.seen.length, busy.seen.length]).toEqual([1, 1])
  })

  test('a 429 after the time that it names', async () => {
    const { outbound } = setting()
    const server = await start()
    server.next({ how: 'status', status: 429, headers: { 'retry-after': '1' } })
    const startedAt = performance.now()

    const answer = await outbound.to(server.url)({ ...GET, url: server.url }, signal)

    expect(answer.status).toBe(200)
    expect(performance.now() - startedAt).toBeGreaterThan(950)
  })

  test('not within a delivery that has a schedule of its own', async () => {
    const { outbound } = setting()
    const server = await start()
    server.next({ how: 'status', status: 500 })

    const answer = await outbound.to(server.url)({ ...POST, url: server.url, retries: 0 }, signal)

    expect([answer.status, server.seen.length]).toEqual([500, 1])
  })

  test('each attempt is signed anew', async () => {
    const { outbound } = setting()
    const server = await start()
    server.next({ how: 'status', status: 500 })
    let count = 0
    const sign = () => ({ 'x-signature': `s${++count}` })

    await outbound.to(server.url)({ ...POST, url: server.url, sign }, signal)

    expect(server.seen.map(({ headers }) => headers['x-signature'])).toEqual(['s1', 's2'])
  })

  test('less and less while nothing works: the budget of a host is a tenth of its calls', async () => {
    const { outbound, advance } = setting()
    const server = await start()
    server.next({ how: 'status', status: 500 }, 1_000)
    const call = () =>
      outbound
        .to(server.url)({ ...GET, url: server.url }, signal)
        .catch(() => {})

    for (let n = 0; n < 40; n++) {
      await call()
      advance(n % 2 === 0 ? 0 : 2_000) // so that the circuit lets somebody try
    }

    // 40 s of one retry a second, ten to begin with, and a tenth of 40 calls.
    expect(server.seen.length).toBeGreaterThan(20)
    expect(server.seen.length).toBeLessThan(40 + 54)
  })
})

describe('a host that fails', () => {
  test('is left alone after five failures in a row, then one call tries it', async () => {
    const { outbound, advance } = setting()
    const server = await start()
    server.next({ how: 'status', status: 500 }, 6)
    const call = () => outbound.to(server.url)({ ...GET, url: server.url, retries: 0 }, signal)
    for (let n = 0; n < 5; n++) await call()

    const refused = await faultOf(call())
    advance(2_000)
    const probe = await call()
    const again = await faultOf(call())
    advance(2_000)
    const mended = await call()

    expect([refused.error, refused.retryAfterS, codeOf(refused)]).toEqual(['unavailable', 2, 'circuit open'])
    expect([probe.status, again.error, mended.status]).toEqual([500, 'unavailable', 200])
    expect(server.seen).toHaveLength(7)
  })

  test('is no reason to leave another one alone', async () => {
    const { outbound } = setting()
    const [down, up] = [await start(), await start()]
    down.next({ how: 'reset' }, 5)
    for (let n = 0; n < 5; n++)
      await faultOf(outbound.to(down.url)({ ...GET, url: down.url, retries: 0 }, signal))

    const answer = await outbound.to(up.url)({ ...GET, url: up.url }, signal)

    expect(answer.status).toBe(200)
  })

  test('is not one that refuses, nor one whose callers go away', async () => {
    const { outbound } = setting()
    const [server, silent] = [await start(), await start()]
    server.next({ how: 'status', status: 404 }, 5)
    for (let n = 0; n < 5; n++) await outbound.to(server.url)({ ...GET, url: server.url }, signal)
    silent.next({ how: 'silent' }, 6)
    for (let n = 0; n < 5; n++) {
      const caller = new AbortController()
      const call = outbound.to(silent.url)({ ...GET, url: silent.url }, caller.signal)
      caller.abort(new Error('gone'))
      await expect(call).rejects.toThrow('gone')
    }

    const answer = await outbound.to(server.url)({ ...GET, url: server.url }, signal)
    const asked = await faultOf(outbound.to(silent.url)({ ...GET, url: silent.url, timeoutMs: 50 }, signal))

    expect([answer.status, asked.error]).toEqual([200, 'upstream_timeout'])
  })

  test('is not one whose callers have too little time for it', async () => {
    const { outbound } = setting()
    const server = await start()
    server.next({ how: 'silent' }, 5)
    const call = (caller: AbortSignal) => outbound.to(server.url)({ ...GET, url: server.url }, caller)

    const faults: Fault[] = []
    for (let n = 0; n < 5; n++) faults.push(await faultOf(call(within(20, signal))))
    const answer = await call(signal)

    expect(faults.map(({ error }) => error)).toEqual(Array.from({ length: 5 }, () => 'upstream_timeout'))
    expect(faults.map(codeOf)).toEqual(Array.from({ length: 5 }, () => 'out of time'))
    expect([answer.status, server.seen.length]).toEqual([200, 6])
  })

  describe.each([
    ['has too little time', () => within(20, signal)],
    ['goes away', () => goneAfter(20)],
  ])('as a caller sees it who %s', (_, briefly) => {
    test('is not mended where it was being tried: the next call tries it', async () => {
      const { outbound, advance } = setting()
      const server = await start()
      const call = (caller: AbortSignal) =>
        outbound.to(server.url)({ ...GET, url: server.url, retries: 0 }, caller)
      server.next({ how: 'status', status: 500 }, 5)
      for (let n = 0; n < 5; n++) await call(signal)
      advance(2_000)

      server.next({ how: 'silent' })
      await call(briefly()).catch(() => {})
      server.next({ how: 'status', status: 500 })
      const tried = await call(signal)
      const refused = await faultOf(call(signal))
      advance(2_000)
      const mended = await call(signal)

      expect([tried.status, codeOf(refused), mended.status]).toEqual([500, 'circuit open', 200])
      expect(server.seen).toHaveLength(8)
    })

    test('has failed as often as before', async () => {
      const { outbound } = setting()
      const server = await start()
      const call = (caller: AbortSignal) =>
        outbound.to(server.url)({ ...GET, url: server.url, retries: 0 }, caller)
      server.next({ how: 'status', status: 500 }, 4)
      for (let n = 0; n < 4; n++) await call(signal)

      server.next({ how: 'silent' })
      await call(briefly()).catch(() => {})
      server.next({ how: 'status', status: 500 })
      const fifth = await call(signal)
      const refused = await faultOf(call(signal))

      expect([fifth.status, codeOf(refused)]).toEqual([500, 'circuit open'])
    })
  })

  test('gets 64 calls at a time; 64 wait, and the next are refused at once', async () => {
    const { outbound } = setting()
    const server = await start()
    server.next({ how: 'silent' }, 64)
    const caller = new AbortController()
    const call = () => outbound.to(server.url)({ ...GET, url: server.url }, caller.signal)
    const held = Array.from({ length: 128 }, () => call().catch((error: unknown) => error))

    const fault = await faultOf(call())
    caller.abort(new Error('enough'))

    expect([fault.error, codeOf(fault)]).toEqual(['unavailable', 'too many calls at once'])
    expect(new Set((await Promise.all(held)).map(String))).toEqual(new Set(['Error: enough']))
  })
})

describe('where calls may go', () => {
  const resolve = (...answers: readonly (readonly string[])[]) => {
    const asked: string[] = []
    return {
      asked,
      resolve: async (host: string) => answers[asked.push(host) - 1] ?? [],
    }
  }

  test('to the address that was judged, whatever the name stands for a moment later', async () => {
    const server = await start()
    const names = resolve(['127.0.0.1'], ['169.254.169.254'])
    const { outbound } = setting({ ...names, privateHosts: ['shop.test'] })
    const url = new URL(`http://shop.test:${server.port}/hook`)

    const answer = await outbound.to(url)({ ...POST, url, delivery: 'once' }, signal)
    const moved = await faultOf(outbound.to(url)({ ...POST, url, delivery: 'once' }, signal))

    expect(answer.status).toBe(200)
    expect(server.seen.map(({ headers }) => headers.host)).toEqual([`shop.test:${server.port}`])
    expect(codeOf(moved)).toBe('address not allowed')
    // Once a connection: nobody asks again between judging and connecting.
    expect(names.asked).toEqual(['shop.test', 'shop.test'])
  })

  test.each([
    [['127.0.0.1']],
    [['10.1.2.3']],
    [['::1']],
    [['::ffff:127.0.0.1']],
    [['8.8.8.8', '127.0.0.1']],
    [['169.254.169.254']],
  ])('not to a name that stands for %j', async (addresses) => {
    const server = await start()
    const { outbound, log } = setting(resolve(addresses))
    const url = new URL(`http://shop.test:${server.port}/hook`)

    const fault = await faultOf(outbound.to(url)({ ...GET, url }, signal))

    expect([fault.error, codeOf(fault)]).toEqual(['upstream_failed', 'address not allowed'])
    expect(server.seen).toEqual([])
    expect(log).toEqual([expect.objectContaining({ failure: 'address not allowed', attempts: 1 })])
  })

  test.each(['169.254.169.254', '100.100.100.200', 'fd00:ec2::254'])(
    'never to %s, not even of a host that may be private',
    async (address) => {
      const { outbound } = setting({ ...resolve([address]), privateHosts: ['shop.test'] })
      const url = new URL('https://shop.test/')

      const fault = await faultOf(outbound.to(url)({ ...GET, url }, signal))

      expect(codeOf(fault)).toBe('address not allowed')
    },
  )

  test.each([
    ['http://169.254.169.254/', 'address not allowed'],
    ['http://10.0.0.1/', 'address not allowed'],
    ['http://[fe80::1]/', 'address not allowed'],
    ['http://[::ffff:a9fe:a9fe]/', 'address not allowed'],
    ['http://0x7f.1:1/', 'ECONNREFUSED'], // this machine, as the setting says
  ])('to %s of a setting: %s', async (text, code) => {
    const { outbound } = setting()
    const url = new URL(text)

    const fault = await faultOf(outbound.to(url)({ ...GET, url, retries: 0 }, signal))

    expect(codeOf(fault)).toBe(code)
  })

  test('not to another host, port or scheme than the setting has', async () => {
    const server = await start()
    const { outbound } = setting({ hosts: ['other.test'] })
    const makeCall = outbound.to('https://api.test')
    const urls = [
      `http://127.0.0.1:${server.port}/`,
      'https://else.test/',
      'https://api.test:8443/',
      'http://api.test/',
      'http://other.test/',
      'https://api.test.evil.test/',
    ]

    const faults = await Promise.all(
      urls.map((url) => faultOf(makeCall({ ...GET, url: new URL(url) }, signal))),
    )

    expect(faults.map(codeOf)).toEqual([
      'host not allowed',
      'host not allowed',
      'host not allowed',
      'scheme not allowed',
      'scheme not allowed',
      'host not allowed',
    ])
    expect(server.seen).toEqual([])
  })

  test('to hosts that are allowed for all', async () => {
    const names = resolve(['127.0.0.1'])
    const { outbound } = setting({ ...names, hosts: ['Other.test'] })

    const allowed = await faultOf(outbound.call({ ...GET, url: new URL('https://other.test/') }, signal))
    const not = await faultOf(outbound.call({ ...GET, url: new URL('https://else.test/') }, signal))

    // It got as far as the address.
    expect([codeOf(allowed), codeOf(not)]).toEqual(['address not allowed', 'host not allowed'])
    expect(names.asked).toEqual(['other.test'])
  })

  test('not to who cannot prove its name by a certificate', async () => {
    let requests = 0
    const server = createServer(SELF_SIGNED, (_, response) => {
      requests += 1
      response.end('{}')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const url = new URL(`https://localhost:${typeof address === 'object' ? address?.port : 0}/`)
    const { outbound, log } = setting({ resolve: async () => ['127.0.0.1'] })

    const fault = await faultOf(outbound.to(url)({ ...GET, url }, signal))
    server.close()

    expect([fault.error, codeOf(fault), requests]).toEqual([
      'upstream_failed',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      0,
    ])
    expect(log).toEqual([expect.objectContaining({ attempts: 1 })])
  })

  test('nowhere by a redirect', async () => {
    const [server, elsewhere] = [await start(), await start()]
    server.next({ how: 'redirect', to: elsewhere.url.href })
    const { outbound } = setting()

    const answer = await outbound.to(server.url)({ ...GET, url: server.url }, signal)

    expect([answer.status, elsewhere.seen.length]).toEqual([307, 0])
  })
})

describe('what a call leaves behind', () => {
  test('one log line without query, headers or bodies', async () => {
    const server = await start(() => '{"token":"hush"}')
    const { outbound, log } = setting()
    const headers = { 'x-own': 'hush' }

    await outbound.to(server.url)(
      { ...POST, body: 'hush', headers, url: server.url, requestId: 'r1' },
      signal,
    )

    expect(log).toEqual([
      {
        time: expect.any(String),
        level: 'info',
        event: 'outbound.call',
        requestId: 'r1',
        method: 'POST',
        host: server.url.host,
        path: '/path',
        status: 200,
        attempts: 1,
        ms: 0,
      },
    ])
    expect(JSON.stringify(log)).not.toContain('hush')
  })

  test('nothing of a path that is a secret, whatever comes of the call', async () => {
    const server = await start()
    server.next({ how: 'status', status: 500 })
    server.next({ how: 'reset' })
    const url = new URL('/services/hush', server.url)
    const spans: unknown[] = []
    const tracer: Tracer = {
      span(...[name, attributes, work]) {
        spans.push({ name, attributes })
        return work({ traceparent: undefined, set: (more) => void spans.push(more) })
      },
    }
    const { outbound, log } = setting({ tracer })
    const call = { ...POST, url, isPathSecret: true, retries: 0 } as const

    const refused = httpRefusal(call, await outbound.to(url)(call, signal), 0)
    const broken = await faultOf(outbound.to(url)(call, signal))
    const notAllowed = await faultOf(outbound.to('https://else.test')(call, signal))

    expect(server.seen.map(({ url: path }) => path)).toEqual(['/services/hush', '/services/hush'])
    expect(String(refused.cause)).toBe(`CallError: Cannot call POST ${url.host}: HTTP 500`)
    expect(JSON.stringify([log, spans]) + [broken, notAllowed].map(({ cause }) => cause)).not.toContain(
      'hush',
    )
  })

  test('one span, whose name the other side is told', async () => {
    const server = await start()
    server.next({ how: 'status', status: 500 })
    const spans: { name: unknown; attributes: Attributes }[] = []
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const tracer: Tracer = {
      span(name, attributes, work) {
        const span = { name, attributes }
        spans.push(span)
        return work({ traceparent, set: (more) => void (span.attributes = { ...span.attributes, ...more }) })
      },
    }
    const { outbound } = setting({ tracer })

    await outbound.to(server.url)({ ...GET, url: server.url }, signal)

    expect(spans).toEqual([
      {
        name: 'GET 127.0.0.1',
        attributes: {
          'http.request.method': 'GET',
          'server.address': '127.0.0.1',
          'url.path': '/path',
          'http.request.resend_count': 1,
          'http.response.status_code': 200,
        },
      },
    ])
    expect(server.seen.map(({ headers }) => headers['traceparent'])).toEqual([traceparent, traceparent])
  })
})
