import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createHash, randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { RUNTIMES } from './executables.ts'
import { type RawAnswer, rawExchange } from './raw-exchange.ts'
import { bundleProbe, type Probe, startProbe } from './start-probe.ts'
import { until } from './until.ts'

/** What makes two parties disagree on where a request ends, or whom it is for. @see RFC 9112 */
const ATTACKS: Readonly<Record<string, string>> = {
  'Content-Length and Transfer-Encoding':
    'POST /see HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'Transfer-Encoding and Content-Length':
    'POST /see HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n',
  'two lengths that differ':
    'POST /see HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
  'two lengths that agree':
    'POST /see HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello',
  'a list of lengths': 'POST /see HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello',
  'a length with a sign': 'POST /see HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello',
  'a length in hexadecimal': 'POST /see HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello',
  'bare line feeds': 'GET /see HTTP/1.1\r\nHost: a\nX: b\r\n\r\n',
  'a folded header': 'GET /see HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n',
  'a space before the colon': 'GET /see HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n',
  'a coding before chunked':
    'POST /see HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
  'a coding that is none': 'POST /see HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
  'a coding after chunked':
    'POST /see HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n',
  'chunks in HTTP/1.0': 'POST /see HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'a chunk that ends in a bare line feed':
    'POST /see HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n',
  'a chunk without a size':
    'POST /see HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n',
  'no host': 'GET /see HTTP/1.1\r\n\r\n',
  'two hosts': 'GET /see HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
  'a host that is none': 'GET /see HTTP/1.1\r\nHost: a b/c?\r\n\r\n',
  'a host with a port beyond all ports': 'GET /see HTTP/1.1\r\nHost: a:99999\r\n\r\n',
  'a host that is no address': 'GET /see HTTP/1.1\r\nHost: 256.256.256.256\r\n\r\n',
  'a host with an account': 'GET /see HTTP/1.1\r\nHost: user@a\r\n\r\n',
  'a zero byte in a header': 'GET /see HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n',
  'a carriage return in a header': 'GET /see HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n',
  'a target that is no path': 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
}

let bundle: Awaited<ReturnType<typeof bundleProbe>>
beforeAll(async () => {
  bundle = await bundleProbe()
})
afterAll(() => bundle.remove())

describe.each(RUNTIMES)('on %s', (runtime) => {
  let probe: Probe
  beforeAll(async () => {
    probe = await startProbe(bundle.file, runtime, (port) => ({ PORT: String(port) }))
  })
  afterAll(() => probe.process.stop(), 15_000)

  test('a body that the app leaves unread does not stand in the way of the next request', async () => {
    const body = 'x'.repeat(1_000_000)
    const socket = connect(probe.process.port, '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => (text += chunk.toString('latin1')))

    socket.write(`POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    await until(() => text.includes('not read'))
    socket.write('GET /none HTTP/1.1\r\nHost: a\r\n\r\n')
    await until(() => text.includes('HTTP/1.1 204'))
    socket.destroy()

    expect(text).toMatch(/^HTTP\/1\.1 413 /)
  })

  async function see(path: string, init?: RequestInit): Promise<Record<string, unknown>> {
    return { ...Object(await (await fetch(`${probe.url}${path}`, init)).json()) }
  }

  test('an app sees method, URL, headers and body as the client sent them', async () => {
    const seen = await see('/see?a=1&b=%20', { method: 'PUT', body: '你好', headers: { 'X-One': '1' } })

    expect(seen).toMatchObject({ method: 'PUT', url: `${probe.url}/see?a=1&b=%20`, body: '你好' })
    expect(seen).toHaveProperty('headers', expect.arrayContaining([['x-one', '1']]))
  })

  test('without a platform, no header names the client, the request or the deadline', async () => {
    const forged = {
      'x-fc-request-id': 'f',
      'x-fc-client-ip': '1.2.3.4',
      'x-scf-request-id': 's',
      'x-scf-remote-addr': '1.2.3.4',
    }

    const seen = await see('/see', {
      headers: { ...forged, 'x-fc-function-timeout': '1', 'x-forwarded-for': '1.2.3.4' },
    })

    expect(seen).toMatchObject({ platform: 'local', clientIp: '127.0.0.1' })
    expect(seen['requestId']).toMatch(/^[0-9a-f-]{36}$/)
    expect(seen['leftMs']).toBeGreaterThan(50_000)
  })

  test('a body of 20 MB comes back unchanged, bytes that are no text included', async () => {
    const sent = randomBytes(20 * 1024 * 1024)

    const answer = await fetch(`${probe.url}/echo`, { method: 'POST', body: sent })
    const got = Buffer.from(await answer.arrayBuffer())

    expect(got.length).toBe(sent.length)
    expect(sha256(got)).toBe(sha256(sent))
  })

  test('an answer before the body was read arrives, and the next request is served', async () => {
    const answer = await fetch(`${probe.url}/unread`, { method: 'POST', body: randomBytes(5 * 1024 * 1024) })

    expect([answer.status, await answer.text()]).toEqual([413, 'not read'])
    expect((await fetch(`${probe.url}/none`)).status).toBe(204)
  })

  test('a first chunk arrives while the rest is not there yet', async () => {
    const leave = new AbortController()

    const answer = await fetch(`${probe.url}/two-steps`, { signal: leave.signal })
    const first = await answer.body?.getReader().read()
    leave.abort()

    expect(new TextDecoder().decode(first?.value)).toBe('first')
  })

  test('a stream that fails half way breaks the connection instead of looking whole', async () => {
    const reading = fetch(`${probe.url}/broken`).then((answer) => answer.arrayBuffer())

    await expect(reading).rejects.toThrow()
  })

  test('each cookie has a header of its own', async () => {
    const answer = await fetch(`${probe.url}/cookies`)

    expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
  })

  test('204 has no body, HEAD has the head alone', async () => {
    const none = await rawExchange(probe.port, 'GET /none HTTP/1.1\r\nHost: a\r\n\r\n')
    const head = await rawExchange(probe.port, 'HEAD /see HTTP/1.1\r\nHost: a\r\n\r\n')

    expect(none.text).toMatch(/^HTTP\/1\.1 204 /)
    expect(bodyOf(none)).toBe('')
    expect(head.text).toMatch(/^HTTP\/1\.1 200 /)
    expect(bodyOf(head)).toBe('')
  })

  test('a client that goes away ends the signal of its request', async () => {
    const leave = new AbortController()
    const before = (await see('/state'))['aborted']

    const waiting = fetch(`${probe.url}/hang`, { signal: leave.signal }).catch(() => 'left')
    await see('/state') // the other request is on its way before this one is answered
    leave.abort()

    expect(await waiting).toBe('left')
    await until(async () => (await see('/state'))['aborted'] === Number(before) + 1)
  })

  test('a client that goes away in the middle of its body is no crash of ours', async () => {
    const before = probe.lines.length

    const socket = connect(probe.port, '127.0.0.1')
    socket.write('POST /see HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf')
    await until(async () => (await see('/state'))['reading'] === 1)
    socket.destroy()

    await until(() => probe.lines.slice(before).some((line) => line.includes('"runtime.client_gone"')))
    expect(probe.lines.slice(before).join('\n')).not.toContain('runtime.crashed')
  })

  test('a crash of an app is a 500 that tells nothing, and is logged with its cause', async () => {
    const answer = await fetch(`${probe.url}/throw`)

    expect(answer.status).toBe(500)
    expect(await answer.json()).toEqual({
      code: 50000,
      error: 'internal',
      message: 'Internal error',
      details: [],
      requestId: expect.any(String),
    })
    await until(() =>
      probe.lines.some((line) => line.includes('"runtime.crashed"') && line.includes('a mistake of ours')),
    )
  })

  test('a platform hook has no meaning without its platform', async () => {
    const statuses = await Promise.all(
      ['/invoke', '/event-invoke', '/initialize'].map(
        async (path) => (await fetch(`${probe.url}${path}`, { method: 'POST' })).status,
      ),
    )

    expect(statuses).toEqual([404, 404, 404])
  })

  test('it is alive and ready', async () => {
    const answers = await Promise.all(
      ['liveness', 'readiness'].map((what) => fetch(`${probe.url}/health/${what}`)),
    )

    expect(answers.map(({ status }) => status)).toEqual([200, 200])
  })

  test.each(Object.entries(ATTACKS))('refuses %s and closes the connection', async (_name, bytes) => {
    const answer = await rawExchange(probe.port, `${bytes}GET /see HTTP/1.1\r\nHost: smuggled\r\n\r\n`, 2_000)

    expect(answer.closed).toBe(true)
    expect(answer.text).toMatch(/^HTTP\/1\.[01] 400 /)
    expect(answer.text).not.toContain('smuggled')
  })

  test('refuses a head beyond 16 KB with 431', async () => {
    const answer = await rawExchange(
      probe.port,
      `GET /see HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(17 * 1024)}\r\n\r\n`,
    )

    expect(answer.text).toMatch(/^HTTP\/1\.1 431 /)
    expect(answer.closed).toBe(true)
  })

  test.each(['TRACE', 'CONNECT'])('never hands %s to an app', async (method) => {
    const answer = await rawExchange(probe.port, `${method} /see HTTP/1.1\r\nHost: a\r\n\r\n`)

    expect(answer.closed).toBe(true)
    expect(answer.text).not.toMatch(/^HTTP\/1\.1 200 /)
  })

  test('the host of a target in absolute form does not count', async () => {
    const answer = await rawExchange(
      probe.port,
      'GET http://evil.example/see HTTP/1.1\r\nHost: good.example\r\n\r\n',
    )

    expect(answer.text).toContain('"url":"http://good.example/see"')
  })
})

function bodyOf({ text }: RawAnswer): string {
  return text.slice(text.indexOf('\r\n\r\n') + 4)
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
