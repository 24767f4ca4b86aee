import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { findExecutable } from '#scripts/services/executables.ts'
import { freePort } from '#scripts/services/free-port.ts'
import { keep, type Kept } from '#scripts/services/keeper.ts'
import { createTrustedHops } from '#shared/http/trusted-hops.ts'
import { createInstance } from '#shared/runtime/instance.ts'
import { local } from '#shared/runtime/local.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { type Backend, type SignedIn, startBackend } from '#tests/backend.ts'
import { root } from '#tests/runtime/executables.ts'
import { until } from '#tests/runtime/until.ts'
import { describeWith } from '#tests/services/describe-with.ts'
import { temporaryFolder } from '#tests/services/servers.ts'
import { sessionSigner } from '#tests/signed-session.ts'

const { listen } =
  'Bun' in globalThis ? await import('#shared/runtime/bun.ts') : await import('#shared/runtime/node.ts')

/** The configuration that the documentation gives. */
function documented(): string {
  const [, block = ''] =
    /```nginx\n([^]*?)```/.exec(readFileSync(join(root, 'docs', 'forward-auth.md'), 'utf8')) ?? []
  return block
}

describeWith(['nginx'], 'nginx before an upstream', () => {
  let backend: Backend
  let alice: SignedIn
  let guard: { readonly port: number; stop(): Promise<void> }
  let upstream: Server
  let nginx: Kept
  let url: string
  beforeAll(async () => {
    const guarded = { trustedHops: createTrustedHops(['127.0.0.1']) }
    backend = await startBackend({ guard: guarded, admins: ['boss'] })
    alice = await backend.signIn('alice')
    const logger = createLogger({ level: 'error' })
    const now = Date.now()
    // The instance gives deadlines by the real clock, the app reckons with the test's.
    const app = {
      ...backend.rateCheck,
      fetch: (request: Request, invocation: Parameters<typeof backend.rateCheck.fetch>[1]) =>
        backend.rateCheck.fetch(request, {
          ...invocation,
          deadline: invocation.deadline - now + backend.now(),
        }),
    }
    const instance = createInstance(app, { contract: local, isEventFunction: false, logger, print: () => {} })
    guard = await listen({ instance, hostname: '127.0.0.1', port: 0 })
    upstream = createServer((request, response) => {
      const { 'x-auth-sub': sub, 'x-auth-sid': sid, 'x-auth-scope': scope } = request.headers
      response.end(JSON.stringify({ method: request.method, url: request.url, sub, sid, scope }))
    })
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    nginx = await startNginx({ port, guard: guard.port, app: (upstream.address() as AddressInfo).port }) // not a pipe
  }, 30_000)
  afterAll(async () => {
    await nginx?.stop()
    upstream?.closeAllConnections()
    upstream?.close()
    await guard?.stop()
    await backend?.close()
  })

  async function startNginx(ports: { port: number; guard: number; app: number }): Promise<Kept> {
    const folder = temporaryFolder()
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${folder}/${name};`)
      .join(' ')
    const http = documented()
      .replace(/^http \{/, `http { access_log off; ${temporary}`)
      .replace('127.0.0.1:9000', `127.0.0.1:${ports.guard}`)
      .replace('127.0.0.1:8080', `127.0.0.1:${ports.app}`)
      .replace('127.0.0.1:8000', `127.0.0.1:${ports.port}`)
    const file = join(folder, 'nginx.conf')
    writeFileSync(file, `daemon off; master_process off; pid ${folder}/pid; events {}\n${http}`)
    const command = findExecutable('nginx') ?? ''
    const args = ['-c', file, '-p', folder, '-e', 'stderr']
    const server = await keep({ command, args, stopSignal: 'TERM' })
    await until(async () => (await fetch(url).catch(() => undefined)) !== undefined, 10_000)
    return server
  }

  function ask(
    path: string,
    headers: Readonly<Record<string, string>> = {},
    method = 'GET',
  ): Promise<Response> {
    const body = method === 'POST' ? 'a body that stays with the upstream' : null
    return fetch(`${url}${path}`, {
      method,
      headers: { 'x-auth-sub': 'root', 'x-auth-scope': 'admin', ...headers },
      body,
    })
  }

  const bearer = ({ accessToken }: SignedIn) => ({ authorization: `Bearer ${accessToken}` })

  test.each(['GET', 'POST'])(
    'a %s with a session reaches it with the identity, never with the client’s own claim',
    async (method) => {
      const response = await ask('/things?x=1', bearer(alice), method)

      expect(response.status).toBe(200)
      expect(await response.json()).toEqual({
        method,
        url: '/things?x=1',
        sub: alice.user.id,
        sid: expect.stringMatching(/^[0-9a-f-]{36}$/),
        scope: 'user',
      })
    },
  )

  test('one without a session, or with a bad token, does not', async () => {
    expect([(await ask('/')).status, (await ask('/', { authorization: 'Bearer guess' })).status]).toEqual([
      401, 401,
    ])
  })

  test('one of somebody on the deny list does not', async () => {
    const boss = await backend.signIn('boss')
    const denial = { kind: 'user', value: alice.user.id, ttlS: 60 }
    const { accessToken: token } = boss
    const signer = sessionSigner(boss, backend.now)
    const entry = await backend.call('/rate-check/denied', { body: denial, token, signer })
    backend.advance(5_000)

    const refused = await ask('/', bearer(alice))
    await backend.call(`/rate-check/denied/${entry.body.data.id}`, { method: 'DELETE', token, signer })
    backend.advance(5_000)
    const again = await ask('/', bearer(alice))

    expect([refused.status, again.status]).toEqual([403, 200])
  })

  test('one too many does not, and says when to come back', async () => {
    const { accessToken } = await backend.signIn('flood')
    const answers: Response[] = []
    while (answers.length < 2_400 && answers.at(-1)?.status !== 429) {
      const headers = { authorization: `Bearer ${accessToken}` }
      answers.push(...(await Promise.all(Array.from({ length: 40 }, () => ask('/', headers)))))
    }

    const last = answers.find(({ status }) => status === 429)
    expect(last?.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]))
  }, 30_000)
})
