import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { createServer, type Server, type Socket } from 'node:net'
import { Fault } from '#shared/errors.ts'
import { CallError } from '#shared/outbound/call-error.ts'
import { checkedClamdUrl } from '#shared/outbound/virus-scan-address.ts'
import { createVirusScan, TOO_LARGE } from '#shared/outbound/virus-scan.ts'
import { type ClamdServer, startClamd } from '#scripts/services/clamd.ts'
import { describeWith } from '#tests/services/describe-with.ts'
import { eventually } from '#tests/services/eventually.ts'
import { required } from '#tests/services/servers.ts'

const { signal } = new AbortController()

// In parts, so that no scanner takes this file for an infected one.
const EICAR = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR', 'STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('-')
const MB = 1024 * 1024

function streamOf(...pieces: readonly (string | Uint8Array)[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(Buffer.from(piece))
      controller.close()
    },
  })
}

/** Megabytes, of which `taken` have been asked for. */
function endless() {
  const source = { taken: 0, isCancelled: false }
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        source.taken += 1
        controller.enqueue(new Uint8Array(MB))
      },
      cancel() {
        source.isCancelled = true
      },
    },
    { highWaterMark: 0 },
  )
  return { source, stream }
}

async function causeOf(scan: Promise<unknown>): Promise<unknown> {
  const error = await scan.then(
    (verdict) => verdict,
    (error: unknown) => error,
  )
  if (!(error instanceof Fault) || error.error !== 'unavailable') return error
  return error.cause instanceof CallError ? error.cause.code : error.cause
}

describeWith(['clamd'], 'a scan by clamd', () => {
  let clamd: ClamdServer
  const scanAt = (url: string, maxBytes?: number) =>
    createVirusScan({
      url: checkedClamdUrl(url),
      timeoutMs: 5_000,
      ...(maxBytes === undefined ? {} : { maxBytes }),
    })

  beforeAll(async () => {
    const signatures = { 'Own.Eicar': Buffer.from(EICAR).toString('hex') }
    clamd = required(await startClamd({ signatures, settings: { StreamMaxLength: '8M' } }))
  })

  afterAll(() => clamd.stop())

  test.each(['tcp', 'unix'] as const)('finds what is harmful and nothing else, over %s', async (way) => {
    const scan = scanAt(clamd.urls[way])

    const verdicts = await Promise.all([
      scan(streamOf('hello'), signal),
      scan(streamOf(EICAR), signal),
      scan(streamOf(), signal),
    ])

    expect(verdicts).toEqual([
      { clean: true },
      // clamd says so of every signature that is not its maker's.
      { clean: false, found: 'Own.Eicar.UNOFFICIAL' },
      { clean: true },
    ])
  })

  test('finds it across pieces, and behind an empty one', async () => {
    const scan = scanAt(clamd.urls.tcp)

    const verdict = await scan(
      streamOf('xx', '', EICAR.slice(0, 9), new Uint8Array(), EICAR.slice(9)),
      signal,
    )

    expect(verdict).toEqual({ clean: false, found: 'Own.Eicar.UNOFFICIAL' })
  })

  test('finds it at the end of megabytes', async () => {
    const pieces = Array.from({ length: 7 }, () => new Uint8Array(MB))

    const verdict = await scanAt(clamd.urls.unix)(streamOf(...pieces, EICAR), signal)

    expect(verdict).toEqual({ clean: false, found: 'Own.Eicar.UNOFFICIAL' })
  })

  test('does not call clean what is too large, and reads no further', async () => {
    const { source, stream } = endless()

    const verdict = await scanAt(clamd.urls.tcp, 3 * MB)(stream, signal)

    expect(verdict).toEqual({ clean: false, found: TOO_LARGE })
    expect(source).toEqual({ taken: 4, isCancelled: true })
  })

  test("does not call clean what is too large by clamd's own limit", async () => {
    const { source, stream } = endless()

    // clamd answers and hangs up at once: which of the two arrives first is chance.
    const outcome = await causeOf(scanAt(clamd.urls.tcp, 1000 * MB)(stream, signal))

    expect([
      JSON.stringify({ clean: false, found: TOO_LARGE }),
      '"EPIPE"',
      '"ECONNRESET"',
      '"closed"',
    ]).toContain(JSON.stringify(outcome))
    expect(source.taken).toBeLessThan(100)
    expect(source.isCancelled).toBe(true)
  })

  test('is unavailable in time while clamd stands still', async () => {
    process.kill(clamd.pid, 'SIGSTOP')
    const scan = createVirusScan({
      url: checkedClamdUrl(clamd.urls.tcp),
      timeoutMs: 200,
      maxBytes: 1000 * MB,
    })
    const { source, stream } = endless()

    const codes = [await causeOf(scan(streamOf('hello'), signal)), await causeOf(scan(stream, signal))]
    process.kill(clamd.pid, 'SIGCONT')

    expect(codes).toEqual(['timeout', 'timeout'])
    // What the connection's buffers hold, and no more.
    expect(source.taken).toBeLessThan(30)
    expect(await scan(streamOf('hello'), signal)).toEqual({ clean: true })
  })

  test('fails with the error of the stream that it was given', async () => {
    const failure = new Fault('unavailable', { cause: 'the store' })
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(Buffer.from('half')),
      pull: (controller) => controller.error(failure),
    })

    await expect(scanAt(clamd.urls.tcp)(stream, signal)).rejects.toBe(failure)
  })

  test('ends with its signal, while the stream keeps it waiting', async () => {
    const controller = new AbortController()
    const waiting = Promise.withResolvers<void>()
    let isCancelled = false
    const stream = new ReadableStream<Uint8Array>(
      {
        pull: () => {
          waiting.resolve()
          return new Promise<void>(() => {})
        },
        cancel: () => {
          isCancelled = true
        },
      },
      { highWaterMark: 0 },
    )

    const scan = scanAt(clamd.urls.tcp)(stream, controller.signal)
    await waiting.promise
    controller.abort(new Error('the client went'))

    await expect(scan).rejects.toThrow('the client went')
    await eventually(async () => isCancelled, { withinMs: 1_000 })
  })
})

describe('a scan by something else', () => {
  const servers: Server[] = []
  const sockets: Socket[] = []

  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy()
    for (const server of servers.splice(0)) server.close()
  })

  /** Answers the first bytes of each connection. */
  async function scannerThat(answer: (socket: Socket) => void) {
    const server = createServer((socket) => {
      sockets.push(socket)
      socket.on('error', () => {})
      socket.once('data', () => answer(socket))
      socket.resume()
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    if (address === null || typeof address === 'string') throw new TypeError('Cannot read the port')
    return createVirusScan({ url: checkedClamdUrl(`tcp://127.0.0.1:${address.port}`), timeoutMs: 300 })
  }

  test.each([
    ['says OK before it was given all', (socket: Socket) => socket.write('stream: OK\0'), 'no verdict'],
    ['says something else', (socket: Socket) => socket.write('UNKNOWN COMMAND\0'), 'no verdict'],
    ['says half of it', (socket: Socket) => socket.end('stream: OK'), 'closed'],
    ['says nothing', () => {}, 'timeout'],
    ['hangs up', (socket: Socket) => socket.end(), 'closed'],
  ])('is unavailable when it %s', async (_, answer, code) => {
    const scan = await scannerThat(answer)
    const answered = Promise.withResolvers<void>()
    const stream = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          await answered.promise
          controller.enqueue(Buffer.from('hello'))
          controller.close()
        },
      },
      { highWaterMark: 0 },
    )
    const outcome = causeOf(scan(stream, signal))
    await eventually(async () => sockets.some((socket) => socket.bytesRead > 0), { withinMs: 1_000 })
    answered.resolve()

    expect(await outcome).toBe(code)
  })

  test('is unavailable where nobody listens', async () => {
    const urls = ['tcp://127.0.0.1:1', 'unix:///nowhere/clamd.sock']

    const codes = await Promise.all(
      urls.map((url) => causeOf(createVirusScan({ url: checkedClamdUrl(url) })(streamOf('x'), signal))),
    )

    expect(codes).toEqual(['ECONNREFUSED', 'ENOENT'])
  })
})

describe('checkedClamdUrl', () => {
  test.each(['tcp://127.0.0.1:3310', 'tcp://clamd', 'tcp://[::1]:3310', 'unix:///run/clamav/clamd.ctl'])(
    'takes %s',
    (text) => {
      expect(checkedClamdUrl(text).href).toBe(text)
    },
  )

  test.each([
    '',
    'clamd:3310',
    'http://clamd:3310',
    'tcp://',
    'tcp://user:secret@clamd',
    'tcp://clamd/path',
    'tcp://clamd?x=1',
    'unix://run/clamd.ctl',
    'unix:///',
  ])('refuses %j', (text) => {
    expect(() => checkedClamdUrl(text)).toThrow(/^must be tcp:/)
  })
})
