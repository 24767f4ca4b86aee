import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from '@jest/globals'
import { Fault } from '#shared/errors.ts'
import { CallError, neverSent } from '#shared/outbound/call-error.ts'
import { fetchAnswer } from '#shared/outbound/fetch-answer.ts'
import { fetchJson as fetchJsonBy, type JsonCall } from '#shared/outbound/fetch-json.ts'

const { signal } = new AbortController()
const clock = () => Date.UTC(2020, 0, 1, 12)
const fetchJson = (call: JsonCall, from: AbortSignal) =>
  fetchJsonBy({ makeCall: fetchAnswer, clock }, call, from)
const servers: Server[] = []
const sockets: Socket[] = []

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const server of servers.splice(0)) server.close()
})

/** A server that hands each connection's first bytes, and how many requests came before, to `answer`. */
async function serve(answer: (socket: Socket, request: string, before: number) => void): Promise<URL> {
  let requests = 0
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('data', (bytes) => answer(socket, bytes.toString(), requests++))
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('Cannot read the port')
  return new URL(`http://127.0.0.1:${address.port}/path?secret=hush`)
}

function http(body: string, status = '200 OK', headers = ''): string {
  return `HTTP/1.1 ${status}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`
}

async function faultOf(call: JsonCall, from: AbortSignal = signal): Promise<Fault> {
  const outcome = await fetchJson(call, from).catch((error: unknown) => error)
  if (!(outcome instanceof Fault)) throw new TypeError(`No fault but ${String(outcome)}`)
  return outcome
}

function codeOf(fault: Fault): string | undefined {
  return fault.cause instanceof CallError ? fault.cause.code : undefined
}

const GET = { method: 'GET', timeoutMs: 2_000 } as const

describe('fetchJson', () => {
  test('answers with the JSON, byte order mark and split characters included', async () => {
    const url = await serve((socket) => {
      const bytes = Buffer.from(http('\uFEFF{"name":"小函"}'))
      socket.write(bytes.subarray(0, bytes.length - 4))
      setImmediate(() => socket.end(bytes.subarray(bytes.length - 4)))
    })

    const answer = await fetchJson({ ...GET, url }, signal)

    expect(answer).toEqual({ name: '小函' })
  })

  test('sends a body as JSON without escaping Chinese', async () => {
    let seen = ''
    const url = await serve((socket, request) => {
      seen += request
      if (seen.includes('}')) socket.end(http('{}'))
    })

    await fetchJson({ method: 'POST', url, body: { text: '你好' }, timeoutMs: 2_000 }, signal)

    expect(seen).toContain('{"text":"你好"}')
    expect(seen.toLowerCase()).toContain('content-type: application/json')
  })

  test('tells a refused connection, which was never sent, from a broken one, which may have been', async () => {
    const broken = await serve((socket) => socket.destroy())
    const refused = await serve(() => {})
    await new Promise((resolve) => servers.pop()?.close(resolve))

    const faults = await Promise.all([
      faultOf({ ...GET, url: refused }),
      faultOf({ ...GET, url: new URL('http://no-such-host.invalid/') }),
      faultOf({ ...GET, url: broken }),
    ])

    expect(faults.map(({ error }) => error)).toEqual([
      'upstream_failed',
      'upstream_failed',
      'upstream_failed',
    ])
    expect(faults.map(neverSent)).toEqual([true, true, false])
  })

  test('gives up on a silent server after timeoutMs', async () => {
    const url = await serve(() => {})

    const fault = await faultOf({ ...GET, url, timeoutMs: 50 })

    expect(fault.error).toBe('upstream_timeout')
    expect(neverSent(fault)).toBe(false)
  })

  test('gives up on a server that stops in the middle of its answer', async () => {
    const url = await serve((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"a"'))

    const fault = await faultOf({ ...GET, url, timeoutMs: 50 })

    expect(fault.error).toBe('upstream_timeout')
  })

  test('obeys the deadline of the caller and lets its other reasons through', async () => {
    const url = await serve(() => {})
    const caller = new AbortController()
    const reason = new Error('the client went away')

    const late = await faultOf({ ...GET, url }, AbortSignal.timeout(50))
    const gone = fetchJson({ ...GET, url }, caller.signal)
    caller.abort(reason)

    expect(late.error).toBe('upstream_timeout')
    await expect(gone).rejects.toBe(reason)
  })

  test.each([
    ['a 500', http('{}', '500 Oops'), 'HTTP 500'],
    ['a 404', http('{}', '404 Not Found'), 'HTTP 404'],
    ['a redirect, which it does not follow', http('', '302 Found', 'Location: /elsewhere\r\n'), 'HTTP 302'],
    ['an HTML page', http('<html>'), 'not JSON'],
    ['an empty body', http(''), 'not JSON'],
  ])('fails on %s', async (_, response, code) => {
    const url = await serve((socket) => socket.end(response))

    const fault = await faultOf({ ...GET, url })

    expect(fault.error).toBe('upstream_failed')
    expect(codeOf(fault)).toBe(code)
  })

  test('fails on an answer that is cut short or is no HTTP at all', async () => {
    const cut = await serve((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}'))
    const noise = await serve((socket) => socket.end('noise\r\n\r\n'))

    const faults = await Promise.all([faultOf({ ...GET, url: cut }), faultOf({ ...GET, url: noise })])

    expect(faults.map(({ error }) => error)).toEqual(['upstream_failed', 'upstream_failed'])
  })

  test('stops reading an answer over maxBytes, however long it goes on', async () => {
    const url = await serve((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
      const more = () => void (socket.destroyed || socket.write(`400\r\n${' '.repeat(1024)}\r\n`, more))
      more()
    })

    const fault = await faultOf({ ...GET, url, maxBytes: 4_096 })

    expect(codeOf(fault)).toBe('answer over 4096 bytes')
  })

  test('reads an answer of exactly maxBytes', async () => {
    const url = await serve((socket) => socket.end(http('"abcd"')))

    const answer = await fetchJson({ ...GET, url, maxBytes: 6 }, signal)

    expect(answer).toBe('abcd')
  })

  test('never lets the runtime send a once-only call again on a kept connection', async () => {
    const seen: string[] = []
    const url = await serve((socket, request, before) => {
      seen.push(request)
      if (before === 0) socket.write(http('{}'))
      else socket.destroy()
    })
    await fetchJson({ ...GET, url }, signal)

    const fault = await faultOf({ ...GET, url, delivery: 'once' })

    expect(fault.error).toBe('upstream_failed')
    expect(seen).toHaveLength(2)
  })

  test('keeps queries and answers out of its errors', async () => {
    const leaky = await serve((socket) => socket.end(http('{"session_key":"hush"')))
    const moved = await serve((socket) => socket.end(http('', '301 Moved', 'Location: /?secret=hush\r\n')))
    const slow = await serve(() => {})

    const faults = await Promise.all([
      faultOf({ ...GET, url: leaky }),
      faultOf({ ...GET, url: moved }),
      faultOf({ ...GET, url: slow, timeoutMs: 50 }),
    ])

    for (const fault of faults) {
      const cause = fault.cause instanceof Error ? `${fault.cause.stack} ${JSON.stringify(fault.cause)}` : ''
      expect(cause).toContain('/path')
      expect(cause).not.toContain('hush')
    }
  })
})
