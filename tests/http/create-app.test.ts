import { describe, expect, test } from '@jest/globals'
import * as v from 'valibot'
import { ERROR_NAMES, errorCode, errorMessage, Fault } from '#shared/errors.ts'
import { createApp } from '#shared/http/create-app.ts'
import { route } from '#shared/http/route.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { callApp, testInvocation } from '#tests/invocation.ts'

const Item = v.strictObject({ name: v.pipe(v.string(), v.maxLength(5)), size: v.optional(v.number()) })

function sampleApp({ timeoutMs = 1_000 }: { timeoutMs?: number } = {}) {
  const stored: unknown[] = []
  const lines: string[] = []
  const app = createApp({
    name: 'sample',
    logger: createLogger({ write: (line) => lines.push(line) }),
    timeoutMs,
    corsOrigins: ['https://admin.example.com'],
    routes: [
      route({ method: 'GET', path: '/items/{id}', handle: async ({ params }) => ({ data: params }) }),
      route({
        method: 'GET',
        path: '/items',
        query: v.strictObject({ limit: v.optional(v.string()) }),
        handle: async ({ query }) => ({ data: query }),
      }),
      route({
        method: 'POST',
        path: '/items',
        body: Item,
        async handle({ body }) {
          stored.push(body)
          return { status: 201, data: body }
        },
      }),
      route({
        method: 'PUT',
        path: '/optional',
        body: v.strictObject({}),
        bodyOptional: true,
        handle: async () => ({}),
      }),
      route({ method: 'DELETE', path: '/items', handle: async () => ({ status: 204 }) }),
      route({
        method: 'GET',
        path: '/fault',
        handle: () => Promise.reject(new Fault('unavailable', { cause: new Error('db 10.0.0.9 gone') })),
      }),
      route({
        method: 'GET',
        path: '/bug',
        handle: () => Promise.reject(new TypeError('secret at /srv/app.ts')),
      }),
      route({ method: 'GET', path: '/hang', handle: () => new Promise(() => {}) }),
    ],
  })
  return { app, stored, lines, events: () => lines.map((line) => JSON.parse(line)) }
}

describe('envelope', () => {
  test('a success carries code 0, the data and the request id', async () => {
    const { app } = sampleApp()

    const { status, headers, body } = await callApp(app, '/api/v1/items/a%20b')

    expect(status).toBe(200)
    expect(body).toEqual({ code: 0, data: { id: 'a b' }, requestId: 'test-request' })
    expect(headers.get('x-request-id')).toBe('test-request')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
  })

  test('204 has no body', async () => {
    const { status, body } = await callApp(sampleApp().app, '/api/v1/items', { method: 'DELETE' })

    expect([status, body]).toEqual([204, undefined])
  })

  test('HEAD answers as GET without a body', async () => {
    const { status, body } = await callApp(sampleApp().app, '/api/v1/items/7', { method: 'HEAD' })

    expect([status, body]).toEqual([200, undefined])
  })

  test('a failure is told in Chinese unless English is preferred', async () => {
    const { app } = sampleApp()

    const plain = await callApp(app, '/api/v1/nothing')
    const english = await callApp(app, '/api/v1/nothing', {
      headers: { 'accept-language': 'en-US,zh;q=0.8' },
    })
    const chinese = await callApp(app, '/api/v1/nothing', {
      headers: { 'accept-language': 'fr, zh-CN;q=0.9, en;q=0.8' },
    })

    expect(plain.body).toEqual({
      code: 40400,
      error: 'not_found',
      message: '不存在',
      details: [],
      requestId: 'test-request',
    })
    expect(english.body.message).toBe('Not found')
    expect(chinese.body.message).toBe('不存在')
  })

  test('every error has a stable code, both messages, and a code that belongs to its status', () => {
    for (const name of ERROR_NAMES) {
      expect(errorCode(name)).toBeGreaterThanOrEqual(40_000)
      expect(errorMessage(name, 'zh')).toMatch(/\p{Script=Han}/u)
      expect(errorMessage(name, 'en')).toMatch(/^[A-Z]/)
    }
    expect(new Set(ERROR_NAMES.map(errorCode)).size).toBe(ERROR_NAMES.length)
  })
})

describe('bad input', () => {
  test.each(['/api/v1/items/7?a=1&a=2', '/api/v1/items/7?a=%ff', '/api/v1/items/7?a=%zz'])(
    'a query that two readers may read differently is refused: %s',
    async (target) => {
      const { status, body } = await callApp(sampleApp().app, target)

      expect([status, body.error]).toEqual([400, 'validation_failed'])
    },
  )

  test.each([
    ['malformed JSON', '{"name":', 400, 'invalid_json'],
    ['a name that occurs twice', '{"name":"a","name":"b"}', 400, 'invalid_json'],
    ['a name that occurs twice by an escape', '{"name":"a","n\\u0061me":"b"}', 400, 'invalid_json'],
    ['nesting without end', '['.repeat(200) + ']'.repeat(200), 400, 'invalid_json'],
    ['no body', '', 400, 'invalid_json'],
    ['a wrong type', '{"name":7}', 400, 'validation_failed'],
    ['an unknown field', '{"name":"a","admin":true}', 400, 'validation_failed'],
    ['__proto__', '{"name":"a","__proto__":{"size":1}}', 400, 'validation_failed'],
    ['a body that is no object', '"text"', 400, 'validation_failed'],
    ['an oversized body', `{"name":"${'x'.repeat(70_000)}"}`, 413, 'payload_too_large'],
  ])('%s is refused and nothing is stored', async (_, body, status, error) => {
    const { app, stored } = sampleApp()

    const answer = await callApp(app, '/api/v1/items', { body })

    expect([answer.status, answer.body.error]).toEqual([status, error])
    expect(stored).toEqual([])
  })

  test('validation says where and what, and never repeats a value', async () => {
    const { app } = sampleApp()

    const { body } = await callApp(app, '/api/v1/items', {
      body: { name: 'sensitive-value', extra: 'other-value' },
    })

    expect(body.details).toEqual([
      { path: 'name', message: expect.any(String) },
      { path: 'extra', message: 'unknown field' },
    ])
    expect(JSON.stringify(body)).not.toMatch(/sensitive-value|other-value/)
  })

  test('a missing field is named as required', async () => {
    const { body } = await callApp(sampleApp().app, '/api/v1/items', { body: {} })

    expect(body.details).toEqual([{ path: 'name', message: 'is required' }])
  })

  test('invalid UTF-8 is not JSON', async () => {
    const { app } = sampleApp()
    const request = new Request('http://127.0.0.1/api/v1/items', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: new Uint8Array([0x22, 0xff, 0xfe, 0x22]),
    })

    const { status } = await app.fetch(request, testInvocation())

    expect(status).toBe(400)
  })

  test.each([['text/plain'], ['application/json; charset=gbk'], ['application/x-www-form-urlencoded'], ['']])(
    'content type "%s" is refused with 415',
    async (type) => {
      const answer = await callApp(sampleApp().app, '/api/v1/items', {
        body: '{"name":"a"}',
        headers: { 'content-type': type },
      })

      expect([answer.status, answer.body.error]).toEqual([415, 'unsupported_media_type'])
    },
  )

  test('application/json with charset=UTF-8 is taken', async () => {
    const headers = { 'content-type': 'application/json;charset=UTF-8' }

    const { status } = await callApp(sampleApp().app, '/api/v1/items', { body: '{"name":"a"}', headers })

    expect(status).toBe(201)
  })

  test('an optional body may be absent', async () => {
    const { status } = await callApp(sampleApp().app, '/api/v1/optional', { method: 'PUT' })

    expect(status).toBe(200)
  })

  test('a known path with another method answers 405 and Allow', async () => {
    const { status, headers, body } = await callApp(sampleApp().app, '/api/v1/items', {
      method: 'PUT',
      body: {},
    })

    expect([status, body.error]).toEqual([405, 'method_not_allowed'])
    expect(headers.get('allow')).toBe('GET, POST, DELETE, HEAD, OPTIONS')
  })

  test.each([['/api/v1/items/'], ['/items'], ['/api/v1/items/%'], ['/api/v1//items'], ['/']])(
    '%s is not found',
    async (path) => {
      expect((await callApp(sampleApp().app, path)).status).toBe(404)
    },
  )

  test('a query parameter given twice is refused', async () => {
    const { body } = await callApp(sampleApp().app, '/api/v1/items?limit=1&limit=2')

    expect(body.error).toBe('validation_failed')
  })

  test('headers over 8 KB and targets over 4 KB are refused with 413', async () => {
    const { app } = sampleApp()

    const headers = await callApp(app, '/api/v1/items/7', { headers: { 'x-large': 'x'.repeat(9_000) } })
    const target = await callApp(app, `/api/v1/items/7?${'q'.repeat(5_000)}`)

    expect([headers.body.error, target.body.error]).toEqual(['payload_too_large', 'payload_too_large'])
  })
})

describe('failures', () => {
  test('a fault answers with its code and Retry-After, and its cause is logged and not sent', async () => {
    const { app, events } = sampleApp()

    const { status, headers, body } = await callApp(app, '/api/v1/fault')

    expect([status, body.error, headers.get('retry-after')]).toEqual([503, 'unavailable', '1'])
    expect(JSON.stringify(body)).not.toContain('10.0.0.9')
    expect(events().find((line) => line.event === 'http.refused').causes).toEqual(['Error: db 10.0.0.9 gone'])
  })

  test('our own mistake answers 500 without a trace of it, and is logged once with its stack', async () => {
    const { app, lines, events } = sampleApp()

    const { status, body } = await callApp(app, '/api/v1/bug')

    expect([status, body.code, body.error]).toEqual([500, 50000, 'internal'])
    expect(JSON.stringify(body)).not.toMatch(/secret|srv/)
    expect(lines.filter((line) => line.includes('/srv/app.ts'))).toHaveLength(1)
    expect(events().find((line) => line.event === 'http.failed').cause.stack).toContain('TypeError')
  })

  test('a handler that hangs is answered with 504 at the deadline', async () => {
    const { app } = sampleApp({ timeoutMs: 30 })

    const { status, body } = await callApp(app, '/api/v1/hang')

    expect([status, body.error]).toEqual([504, 'upstream_timeout'])
  })

  test('a body that does not arrive in time is the fault of its sender', async () => {
    const { app } = sampleApp({ timeoutMs: 30 })
    const stalled = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode('{"na')),
    })
    const request = new Request('http://127.0.0.1/api/v1/items', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: stalled,
      duplex: 'half',
    })

    const response = await app.fetch(request, testInvocation())

    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      error: 'bad_request',
      details: [{ message: 'the body did not arrive in time' }],
    })
  })

  test('the platform deadline counts when it is nearer', async () => {
    const { app } = sampleApp({ timeoutMs: 60_000 })

    const { status } = await callApp(app, '/api/v1/hang', { invocation: { deadline: Date.now() + 30 } })

    expect(status).toBe(504)
  })

  test('one access line a request, by route pattern, without query or body', async () => {
    const { app, events } = sampleApp()

    await callApp(app, '/api/v1/items/secret-id?token=abc')

    expect(events()).toEqual([
      expect.objectContaining({
        event: 'http.request',
        route: '/items/{id}',
        method: 'GET',
        status: 200,
        requestId: 'test-request',
      }),
    ])
    expect(JSON.stringify(events())).not.toMatch(/secret-id|abc/)
  })
})

describe('OPTIONS and HEAD', () => {
  test('OPTIONS tells the methods of a path and carries the request id', async () => {
    const { app } = sampleApp()

    const known = await callApp(app, '/api/v1/items', { method: 'OPTIONS' })
    const unknown = await callApp(app, '/api/v1/nothing', { method: 'OPTIONS' })

    expect([known.status, known.headers.get('allow')]).toEqual([204, 'GET, POST, DELETE, HEAD, OPTIONS'])
    expect(known.headers.get('x-request-id')).toBe('test-request')
    expect(unknown.status).toBe(404)
  })

  test('HEAD has the headers that GET has, those for browsers included', async () => {
    const { app } = sampleApp()
    const headers = { origin: 'https://admin.example.com' }

    const get = await callApp(app, '/api/v1/items/7', { headers })
    const head = await callApp(app, '/api/v1/items/7', { method: 'HEAD', headers })

    expect([...head.headers]).toEqual([...get.headers])
  })

  test('where origins are listed, every answer says that it differs by origin', async () => {
    const { headers } = await callApp(sampleApp().app, '/api/v1/items/7')

    expect(headers.get('vary')).toBe('origin')
  })
})

describe('CORS', () => {
  test('a listed origin may call and read; another gets no permission', async () => {
    const { app } = sampleApp()

    const listed = await callApp(app, '/api/v1/items', {
      method: 'OPTIONS',
      headers: { origin: 'https://admin.example.com' },
    })
    const other = await callApp(app, '/api/v1/items/7', { headers: { origin: 'https://evil.example' } })

    expect(listed.status).toBe(204)
    expect(listed.headers.get('access-control-allow-origin')).toBe('https://admin.example.com')
    expect(other.headers.get('access-control-allow-origin')).toBeNull()
  })
})
