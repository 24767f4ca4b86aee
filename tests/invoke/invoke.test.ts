import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { startWechat } from '#scripts/emulator/wechat/start-wechat.ts'
import { createIdentities } from '#scripts/invoke/identities.ts'
import { invoke } from '#scripts/invoke/invoke.ts'
import { readOptions } from '#scripts/invoke/options.ts'
import { freePort } from '#scripts/services/free-port.ts'
import { canonicalRequest, hashBody } from '#shared/signing/canonical-request.ts'
import { parseSignature } from '#shared/signing/signature-header.ts'
import { requestMac } from '#shared/signing/sign-request.ts'
import { userSigningKey } from '#shared/signing/user-signing-key.ts'

const SID = '7f3c2a10-0000-4000-8000-000000000001'
const KEY = randomBytes(32).toString('base64url')
const APP_ID = 'wx0000000000000dev'
const TOKEN = `e30.${Buffer.from(JSON.stringify({ sid: SID, aud: APP_ID })).toString('base64url')}.c2ln`

interface Arrived {
  readonly line: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** An API that signs anybody in, refuses what it saw before, and answers 200 to the rest. */
function startApi() {
  const arrived: Arrived[] = []
  const api = { arrived, url: '', expiresInS: 600, refreshStatus: 200 }
  const server = createServer((request, response) => void answer(request, response))

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Uint8Array[] = []
    for await (const chunk of request) chunks.push(chunk)
    const one = {
      line: `${request.method} ${request.url}`,
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
    }
    const signature = request.headers['x-signature']
    const isReplay =
      signature !== undefined && arrived.some(({ headers }) => headers['x-signature'] === signature)
    arrived.push(one)
    const isLogin = one.line.includes('/login')
    const status = one.line.includes('/refresh') ? api.refreshStatus : isReplay ? 403 : 200
    const data = isLogin
      ? {
          accessToken: TOKEN,
          refreshToken: 'r1',
          expiresInS: api.expiresInS,
          signing: { kid: 'k1', key: KEY },
        }
      : { seen: one.body }
    const body = status === 200 ? { code: 0, data } : { code: status * 100, error: 'refused', message: 'No' }
    response.writeHead(status, { 'content-type': 'application/json', ratelimit: '"ip";r=3;t=1' })
    response.end(JSON.stringify(body))
  }

  return { api, server }
}

const { api, server } = startApi()
let folder = ''
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  api.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}` // it listens on a port
})
afterAll(() => void server.close())
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'xiaohan-invoke-'))
  Object.assign(api, { expiresInS: 600, refreshStatus: 200 })
  api.arrived.length = 0
})
afterEach(() => rmSync(folder, { recursive: true }))

async function run(...args: readonly string[]) {
  const options = readOptions(['--url', api.url, ...args], {})
  if (options === 'help' || 'timerOf' in options) throw new TypeError('These are options')
  const [out, notes]: [string[], string[]] = [[], []]
  const identities = createIdentities({ url: options.url, folder, env: {} })
  const surroundings = {
    identities,
    out: (line: string) => out.push(line),
    note: (line: string) => notes.push(line),
  }
  const status = await invoke(options, surroundings)
  return { status, out, notes: notes.join('\n') }
}

const lines = () => api.arrived.map(({ line }) => line)

describe('npm run invoke', () => {
  test('shows the answer’s body alone on standard output', async () => {
    const { status, out, notes } = await run('user', '/hello', '-i', '-H', 'accept-language: en')

    expect(status).toBe(200)
    expect(JSON.parse(out.join(''))).toEqual({ code: 0, data: { seen: '' } })
    expect(notes).toMatch(/^200 OK \(\d+ ms\)\n/)
    expect(notes).toContain('ratelimit: "ip";r=3;t=1')
    expect(api.arrived[0]?.headers).toMatchObject({ 'accept-language': 'en' })
  })

  test('signs in once and keeps the session for its owner alone', async () => {
    await run('user', '/user', '--login', 'alice')
    await run('user', '/user', '--login', 'dev-alice')

    expect(lines()).toEqual(['POST /api/v1/login', 'GET /api/v1/user', 'GET /api/v1/user'])
    expect(api.arrived[0]?.body).toBe('{"code":"dev-alice"}')
    expect(api.arrived[2]?.headers.authorization).toBe(`Bearer ${TOKEN}`)
    expect(statSync(join(folder, 'sessions.json')).mode & 0o777).toBe(0o600)
  })

  test('refreshes a session that ran out, and signs in anew where that is refused', async () => {
    api.expiresInS = 0
    await run('user', '/user', '--login', 'alice')
    await run('user', '/user', '--login', 'alice')
    api.refreshStatus = 401
    await run('user', '/user', '--login', 'alice')

    expect(lines().filter((line) => line.includes('login'))).toEqual([
      'POST /api/v1/login',
      'POST /api/v1/login/refresh',
      'POST /api/v1/login/refresh',
      'POST /api/v1/login',
    ])
  })

  test('forgets sessions from before the secrets were made anew', async () => {
    await run('user', '/user', '--login', 'alice')
    const secrets = join(folder, 'secrets.env')
    writeFileSync(secrets, '')
    utimesSync(secrets, new Date(), new Date(Date.now() + 60_000))
    await run('user', '/user', '--login', 'alice')

    expect(lines().filter((line) => line.includes('login'))).toHaveLength(2)
  })

  test('a file of sessions that nobody can read is no obstacle', async () => {
    writeFileSync(join(folder, 'sessions.json'), '{"half')

    expect(await run('user', '/user', '--login', 'alice')).toMatchObject({ status: 200 })
    expect(JSON.parse(readFileSync(join(folder, 'sessions.json'), 'utf8'))).toHaveProperty([
      `${api.url} dev-alice`,
    ])
  })

  test('shows the text that it signs with the session’s key, and the replay’s answer beside the first', async () => {
    const { status, notes, out } = await run(
      'user',
      '/user?b=2&a=1',
      '-X',
      'PUT',
      '-d',
      '{"n":1}',
      '--login',
      'alice',
      '--sign',
      '--show',
      '--replay',
    )

    const [, first, second] = api.arrived
    const header = parseSignature(String(first?.headers['x-signature']))
    if (header === undefined) throw new TypeError('It was not signed')
    const bodyHash = hashBody(Buffer.from('{"n":1}'))
    const text = canonicalRequest({
      ...header,
      method: 'PUT',
      host: new URL(api.url).host,
      path: '/api/v1/user',
      query: 'b=2&a=1',
      sessionId: SID,
      bodyHash,
    })
    expect(header.sig).toBe(requestMac(Buffer.from(KEY, 'base64url'), text).toString('base64url'))
    expect(notes).toContain(text)
    expect(second?.headers['x-signature']).toBe(first?.headers['x-signature'])
    expect(second?.body).toBe('{"n":1}')
    expect(status).toBe(200)
    expect(out.map((body) => JSON.parse(body).code)).toEqual([0, 40300])
  })

  test('signs in anew for WeChat’s user key, and signs with what the stand-in gives the client', async () => {
    const wechat = await startWechat({ appId: APP_ID, secret: 'a-secret' })
    const call = ['user', '/user', '--login', 'bob', '--user-key', '--wechat-url', wechat.url] as const

    await run('user', '/user', '--login', 'bob')
    const { notes } = await run(...call, '--show')
    const { encryptKey, version } = wechat.control.userKey('bob')
    await wechat.stop()

    const header = parseSignature(String(api.arrived.at(-1)?.headers['x-signature']))
    const facts = { appId: APP_ID, sessionId: SID, version }
    const key = userSigningKey(Buffer.from(encryptKey, 'base64'), facts)
    expect(lines().filter((line) => line.includes('login'))).toHaveLength(2)
    expect(header?.kid).toBe('wx.1')
    expect(header?.sig).toBe(requestMac(key, notes.split('\n\n200 ')[0] ?? '').toString('base64url'))
  })

  test('says so where no stand-in gives a user key', async () => {
    const call = ['user', '/user', '--login', 'bob', '--user-key', '--wechat-url', api.url] as const

    await expect(run(...call)).rejects.toThrow(`${api.url} gives no user key (200)`)
  })

  test('a burst is signed call by call, and told line by line', async () => {
    const { out } = await run('user', '/user', '--login', 'alice', '--sign', '--times', '3')

    expect(out).toEqual([1, 2, 3].map((call) => `${call}  200  ratelimit: "ip";r=3;t=1`))
    expect(new Set(api.arrived.slice(1).map(({ headers }) => headers['x-signature'])).size).toBe(3)
  })

  test('calls as a partner, by key or by name, in either scheme', async () => {
    const secret = randomBytes(32).toString('base64url')
    writeFileSync(join(folder, 'secrets.env'), `PARTNER_KEYS=local.k1:${secret}\n`)
    const path = ['rate-check', '/rate-check', '-d', '{}'] as const

    await run(...path, '--as-partner', 'local')
    await run(...path, '--as-partner', 'local.k1', '--webhook')
    const unknown = run(...path, '--as-partner', 'acme')

    await expect(unknown).rejects.toThrow('PARTNER_KEYS has no key acme, only: local.k1')
    expect(api.arrived[0]?.headers['x-signature']).toContain('kid=local.k1;')
    expect(api.arrived[0]?.headers.authorization).toBeUndefined()
    expect(api.arrived[1]?.headers['webhook-signature']).toMatch(/^v1,/)
  })

  test('says how to start the local cloud where nothing listens', async () => {
    const nowhere = `http://127.0.0.1:${await freePort()}`

    await expect(run('user', '/user', '--url', nowhere)).rejects.toThrow(
      `Cannot reach ${nowhere}. Start the local cloud in another terminal: npm start`,
    )
  })

  test('says why somebody cannot sign in', async () => {
    api.expiresInS = 0
    await run('user', '/user', '--login', 'alice')
    api.refreshStatus = 503

    await expect(run('user', '/user', '--login', 'alice')).rejects.toThrow('Cannot sign in: 503 No')
  })
})
