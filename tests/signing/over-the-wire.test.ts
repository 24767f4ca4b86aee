import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { build } from 'esbuild'
import { functionBundle } from '#scripts/build/function-bundle.ts'
import { parseKeyring } from '#shared/keyring.ts'
import { sessionKeyOf } from '#shared/signing/session-signing-key.ts'
import { signRequest } from '#shared/signing/sign-request.ts'
import { root, RUNTIMES } from '#tests/runtime/executables.ts'
import { rawExchange } from '#tests/runtime/raw-exchange.ts'
import { type Probe, startProbe } from '#tests/runtime/start-probe.ts'

const KEYS = parseKeyring('k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8')
const session = {
  appId: 'wx5a1b2c3d4e5f6071',
  sessionId: '7f3c2a10-0000-4000-8000-000000000001',
  generation: 4,
}
const BODY = '{"amountFen":1}'

/** The header of a signature over what a client means to send. */
async function signature(
  path: string,
  { method = 'POST', host = 'api.example.com', body = BODY } = {},
): Promise<string> {
  const request = new Request(`https://${host}${path}`, { method, ...(method === 'GET' ? {} : { body }) })
  const key = sessionKeyOf(KEYS, 'k1', session) ?? new Uint8Array()
  const signed = await signRequest(request, { kid: 'k1', key, sessionId: session.sessionId })
  return signed.headers.get('x-signature') ?? ''
}

const folder = mkdtempSync(join(tmpdir(), 'xiaohan-signed-'))
const file = join(folder, 'index.mjs')
beforeAll(async () => {
  const functionsDir = join(import.meta.dirname, 'samples')
  await build(functionBundle({ root, functionsDir, name: 'signed', outfile: file }))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.each(RUNTIMES)('over a socket to %s', (runtime) => {
  let probe: Probe
  beforeAll(async () => {
    probe = await startProbe(file, runtime, (port) => ({ PORT: String(port) }))
  })
  afterAll(() => probe.process.stop(), 15_000)

  /** The answer's body: who signed, or the fault, and the path as it arrived; else the status. */
  async function send(line: string, headers: readonly string[], body = ''): Promise<string> {
    const head = [line, ...headers, 'Connection: close'].join('\r\n')
    const { text } = await rawExchange(probe.port, `${head}\r\n\r\n${body}`, 2_000)
    if (!text.startsWith('HTTP/1.1 200 ')) return text.slice(9, 12)
    return /(?:\r\n|^)([a-z_0-9]+ \/[^\r\n]*)/m.exec(text.slice(text.indexOf('\r\n\r\n')))?.[1] ?? text
  }

  const host = 'Host: api.example.com'
  const sized = `Content-Length: ${BODY.length}`

  test('a body counts by its bytes, whether its length is told or it comes in chunks', async () => {
    const chunks = `4\r\n${BODY.slice(0, 4)}\r\n${(BODY.length - 4).toString(16)}\r\n${BODY.slice(4)}\r\n0\r\n\r\n`
    const [one, two] = [await signature('/orders'), await signature('/orders')]

    const whole = await send('POST /orders HTTP/1.1', [host, sized, `X-Signature: ${one}`], BODY)
    const parts = await send(
      'POST /orders HTTP/1.1',
      [host, 'Transfer-Encoding: chunked', `X-Signature: ${two}`],
      chunks,
    )

    expect([whole, parts]).toEqual(['k1 /orders', 'k1 /orders'])
  })

  test('a GET is signed over the empty body, whatever comes after its head', async () => {
    const signed = async () => `X-Signature: ${await signature('/orders', { method: 'GET' })}`
    const chunks = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`
    const chunked = 'Transfer-Encoding: chunked'

    const answers = [
      await send('GET /orders HTTP/1.1', [host, await signed()]),
      await send('GET /orders HTTP/1.1', [host, sized, await signed()], BODY),
      await send('GET /orders HTTP/1.1', [host, chunked, await signed()], chunks),
    ]

    expect(answers).toEqual(['k1 /orders', 'k1 /orders', 'k1 /orders'])
  })

  test('a replay is refused, a changed body, too', async () => {
    const header = `X-Signature: ${await signature('/orders')}`
    const changed = BODY.replace('1', '2')

    const answers = [
      await send('POST /orders HTTP/1.1', [host, sized, header], changed),
      await send('POST /orders HTTP/1.1', [host, sized, header], BODY),
      await send('POST /orders HTTP/1.1', [host, sized, header], BODY),
    ]

    expect(answers).toEqual(['signature_invalid /orders', 'k1 /orders', 'request_replayed /orders'])
  })

  test('a signature sent twice is malformed, alike or not', async () => {
    const [one, two] = [await signature('/orders'), await signature('/orders')]

    const alike = await send(
      'POST /orders HTTP/1.1',
      [host, sized, `X-Signature: ${one}`, `X-Signature: ${one}`],
      BODY,
    )
    const other = await send(
      'POST /orders HTTP/1.1',
      [host, sized, `X-Signature: ${one}`, `x-signature: ${two}`],
      BODY,
    )

    expect([alike, other]).toEqual(['bad_request /orders', 'bad_request /orders'])
  })

  test('a signature folded over two lines never arrives', async () => {
    const header = (await signature('/orders')).replace(';ts', '\r\n ;ts')

    expect(await send('POST /orders HTTP/1.1', [host, sized, `X-Signature: ${header}`], BODY)).toBe('400')
  })

  test.each([
    ['in capitals', 'API.Example.COM', 'k1 /orders'],
    ['with the scheme’s port', 'api.example.com:443', 'k1 /orders'],
    ['with another port', 'api.example.com:8443', 'signature_invalid /orders'],
    ['with a dot after it', 'api.example.com.', 'signature_invalid /orders'],
    ['of somebody else', 'evil.example.com', 'signature_invalid /orders'],
  ])('a host %s', async (_, name, answer) => {
    const header = `X-Signature: ${await signature('/orders')}`

    expect(await send('POST /orders HTTP/1.1', [`Host: ${name}`, sized, header], BODY)).toBe(answer)
  })

  test('the host of a target in absolute form does not count', async () => {
    const header = `X-Signature: ${await signature('/orders')}`
    const evil = `X-Signature: ${await signature('/orders', { host: 'evil.example.com' })}`

    expect(await send('POST http://evil.example.com/orders HTTP/1.1', [host, sized, header], BODY)).toBe(
      'k1 /orders',
    )
    expect(await send('POST http://evil.example.com/orders HTTP/1.1', [host, sized, evil], BODY)).toBe(
      'signature_invalid /orders',
    )
  })

  test.each([
    ['/a/../orders', '/orders', 'k1 /orders'],
    ['/a/%2e%2e/orders', '/orders', 'k1 /orders'],
    ['/a\\..\\orders', '/orders', 'k1 /orders'],
    ['/orders/../users', '/orders', 'signature_invalid /users'],
    ['//orders', '/orders', 'signature_invalid //orders'],
    ['/a%2Fb', '/a/b', 'signature_invalid /a%2Fb'],
    ['/a%2fb', '/a%2Fb', 'signature_invalid /a%2fb'],
    ['/orders?b=2&a=x+y', '/orders?a=x%20y&b=2', 'k1 /orders'],
    ['/orders?a=1&a=2', '/orders?a=1', 'signature_invalid /orders'],
  ])('the target %s under a signature of %s', async (target, signedPath, answer) => {
    const header = `X-Signature: ${await signature(signedPath, { method: 'GET' })}`

    expect(await send(`GET ${target} HTTP/1.1`, [host, header])).toBe(answer)
  })
})
