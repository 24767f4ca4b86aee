import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { createServer, type Server } from 'node:http'
import { sql as sqlText } from 'kysely'
import type { CollectedSpan } from '#scripts/emulator/traces/read-spans.ts'
import { startTraceCollector, type TraceCollector } from '#scripts/emulator/traces/start-trace-collector.ts'
import { callList, traceTree } from '#scripts/traces/trace-text.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import { Fault } from '#shared/errors.ts'
import { createApp } from '#shared/http/create-app.ts'
import { route } from '#shared/http/route.ts'
import { secret } from '#shared/secret.ts'
import { tracedState } from '#shared/state/traced-state.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { otlpExport } from '#shared/telemetry/otlp-export.ts'
import type { EndedSpan } from '#shared/telemetry/otlp-spans.ts'
import { createRequestTracer, type RequestTracerOptions } from '#shared/telemetry/request-tracer.ts'
import { noTrace } from '#shared/telemetry/tracer.ts'
import { memoryState } from '#tests/fakes/memory-state.ts'
import { callApp } from '#tests/invocation.ts'
import { testDatabase } from '#tests/services/test-database.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'
const SOME_SPAN: EndedSpan = {
  traceId: TRACE,
  spanId: SPAN,
  parentSpanId: undefined,
  name: 'some',
  kind: 'internal',
  startMs: 0,
  durationMs: 1,
  attributes: {},
  failure: undefined,
}
const never = new AbortController().signal

let collector: TraceCollector
let lines: string[]
let background: Promise<unknown>[]
beforeEach(async () => {
  collector = await startTraceCollector()
  lines = []
  background = []
})
afterEach(() => collector.stop())

const logger = createLogger({ level: 'debug', write: (line) => lines.push(line) })

function tracerTo(url: string, more: Partial<RequestTracerOptions> = {}) {
  const target = { endpoint: new URL(url), headers: { 'x-api-key': secret('k') }, service: 'xiaohan-sample' }
  const send = otlpExport({ ...target, logger, clock: Date.now })
  return createRequestTracer({ clock: Date.now, send, ...more })
}

function sampleApp(tracer: ReturnType<typeof tracerTo>) {
  const work = async ({ invocation }: { readonly invocation: { waitUntil(it: Promise<unknown>): void } }) => {
    await tracer.span('inner', { count: 1, share: 0.5, isIt: true }, async () => {})
    invocation.waitUntil(tracer.span('afterwards', {}, async () => {}))
    return { data: {} }
  }
  const fail = () => Promise.reject(new Fault('unavailable', { cause: new Error('a secret') }))
  return createApp({
    name: 'sample',
    logger,
    tracer,
    routes: [
      route({ method: 'GET', path: '/items/{id}', handle: work }),
      route({ method: 'GET', path: '/fault', handle: () => tracer.span('broken', {}, fail) }),
    ],
    event: () => tracer.span('chore', {}, async () => {}),
  })
}

const invocation = { waitUntil: (work: Promise<unknown>) => void background.push(work) }

async function collected(): Promise<readonly CollectedSpan[]> {
  await Promise.all(background)
  return (await fetch(`${collector.url}/spans`)).json() as Promise<readonly CollectedSpan[]> // its own answer
}

test("a call is part of its caller's trace, with everything that was done for it, afterwards too", async () => {
  const app = sampleApp(tracerTo(collector.url))
  const headers = { traceparent: `00-${TRACE}-${SPAN}-01` }

  const answer = await callApp(app, '/api/v1/items/7?secret=1', { headers, invocation })

  const spans = await collected()
  const root = spans.find(({ name }) => name === 'GET /items/{id}')
  expect(answer.status).toBe(200)
  expect(root).toMatchObject({
    traceId: TRACE,
    parentSpanId: SPAN,
    service: 'xiaohan-sample',
    attributes: {
      'http.request.method': 'GET',
      'http.route': '/items/{id}',
      'http.response.status_code': 200,
      'url.path': '/api/v1/items/7',
      'xiaohan.request_id': 'test-request',
    },
  })
  expect(spans.map(({ name }) => name)).toEqual(expect.arrayContaining(['inner', 'afterwards']))
  for (const { name, traceId, parentSpanId } of spans)
    expect([name, traceId, parentSpanId]).toEqual([name, TRACE, name === root?.name ? SPAN : root?.spanId])
  expect(spans.find(({ name }) => name === 'inner')?.attributes).toEqual({ count: 1, share: 0.5, isIt: true })
  expect(JSON.stringify(spans)).not.toContain('secret')
  expect(JSON.parse(lines.find((line) => line.includes('http.request')) ?? '{}')).toMatchObject({
    traceId: TRACE,
  })
})

test('a failure is noted by its name, and the answer is what it would be without a trace', async () => {
  const app = sampleApp(tracerTo(collector.url))

  const answer = await callApp(app, '/api/v1/fault', { invocation })

  const spans = await collected()
  expect([answer.status, answer.body.error]).toEqual([503, 'unavailable'])
  expect(spans.find(({ name }) => name === 'broken')).toMatchObject({
    failure: 'unavailable',
    attributes: { 'error.type': 'unavailable' },
  })
  expect(spans.find(({ name }) => name === 'GET /fault')).toMatchObject({
    failure: '503',
    attributes: { 'http.response.status_code': 503, 'error.type': '503' },
  })
  expect(JSON.stringify(spans)).not.toContain('a secret')
})

test('an event has a trace of its own, and a call of no route is named by its method', async () => {
  const app = sampleApp(tracerTo(collector.url))
  const event = { specversion: '1.0', id: '1', source: 's', type: 'timer.fired' } as const

  await app.event?.(event, {
    requestId: 'e-1',
    clientIp: '',
    deadline: Date.now() + 1_000,
    signal: never,
    platform: 'local',
    ...invocation,
  })
  await callApp(app, '/api/v1/nowhere', { invocation })

  const spans = await collected()
  const [timer, chore] = ['timer.fired', 'chore'].map((name) => spans.find((span) => span.name === name))
  expect(chore).toMatchObject({ traceId: timer?.traceId, parentSpanId: timer?.spanId })
  expect(spans.find(({ name }) => name === 'GET')).toMatchObject({
    attributes: { 'http.response.status_code': 404 },
  })
})

test.each([
  ['our share', { ratio: 0.5, random: () => 0.5 }, '01', false],
  ['our share', { ratio: 0.5, random: () => 0.4 }, '00', true],
  ['the caller where it is trusted', { ratio: 0, trustsCallers: true }, '01', true],
  ['the caller where it is trusted', { ratio: 1, trustsCallers: true }, '00', false],
])('%s decides what is sent: %j of a call with the flags %s', async (_, options, flags, isSent) => {
  const seen: (string | undefined)[] = []
  const tracer = tracerTo(collector.url, options)
  const traceparent = `00-${TRACE}-${SPAN}-${flags}`

  await tracer.serve({ name: () => 'call', traceparent, attributes: {} }, () =>
    tracer.span('inner', {}, async (span) => void seen.push(span.traceparent)),
  )
  await tracer.flush()

  // Its trace goes on either way.
  expect(seen).toEqual([
    expect.stringMatching(new RegExp(`^00-${TRACE}-(?!${SPAN})[0-9a-f]{16}-0${isSent ? 1 : 0}$`)),
  ])
  expect((await collected()).map(({ name, traceId }) => [name, traceId])).toEqual(
    isSent ? ['inner', 'call'].map((name) => [name, TRACE]) : [],
  )
})

test('what begins here and the share leaves out is not sent, nor even named', async () => {
  const tracer = tracerTo(collector.url, { ratio: 0.5, random: () => 0.5 })
  const asked: string[] = []

  const traceparent = await tracer.span(
    () => String(asked.push('name')),
    {},
    async (span) => span.traceparent,
  )
  await noTrace.span(
    () => String(asked.push('name')),
    {},
    async () => {},
  )
  await tracer.flush()

  expect(traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
  expect([asked, await collected()]).toEqual([[], []])
})

test('a trace that is too long keeps its beginning, which says how much is missing', async () => {
  const sent: EndedSpan[] = []
  const tracer = createRequestTracer({ clock: Date.now, send: async (spans) => void sent.push(...spans) })
  const serve = (name: string, count: number) =>
    tracer.serve({ name: () => name, traceparent: null, attributes: {} }, async () => {
      for (let n = 0; n < count; n++) await tracer.span('inner', {}, async () => {})
    })

  await serve('long', 2_050)
  await serve('next', 1)
  await tracer.flush()
  await serve('later', 1)
  await tracer.flush()

  const firsts = sent.filter(({ name }) => name !== 'inner')
  expect(firsts.map(({ name, attributes }) => [name, attributes])).toEqual([
    ['long', { 'xiaohan.spans_dropped': 2 }],
    ['next', { 'xiaohan.spans_dropped': 1 }],
    ['later', {}],
  ])
  expect(sent).toHaveLength(2_048 + 2 + 2)
})

test('a collector that is down, refuses or redirects costs a line in the log and nothing else', async () => {
  const paths: string[] = []
  const refusing = createServer((request, response) => {
    paths.push(`${request.method} ${request.url} ${String(request.headers['x-api-key'])}`)
    response.writeHead(302, { location: collector.url }).end()
  })
  await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve))
  const address = refusing.address()
  const port = typeof address === 'object' ? address?.port : 0

  for (const url of [`http://127.0.0.1:${port}/otlp/`, 'http://127.0.0.1:1']) {
    const answer = await callApp(sampleApp(tracerTo(url)), '/api/v1/items/7', { invocation })
    expect(answer.status).toBe(200)
  }
  await Promise.all(background)
  refusing.close()

  expect(paths).toEqual(['POST /otlp/v1/traces k'])
  expect(lines.filter((line) => line.includes('trace.not_exported'))).toHaveLength(2)
  expect(await collected()).toEqual([])
})

describe('a collector that takes no spans', () => {
  type Answer = 'silence' | readonly [status: number, retryAfter?: string]
  let server: Server
  let answers: Answer[]
  let calls: number
  let nowMs: number
  let send: (spans: readonly EndedSpan[]) => Promise<void>

  beforeEach(async () => {
    ;[answers, calls, nowMs] = [[], 0, Date.now()]
    server = createServer((_, response) => {
      calls += 1
      const answer = answers.shift() ?? [200]
      if (answer === 'silence') return
      const [status, retryAfter] = answer
      response.writeHead(status, retryAfter === undefined ? {} : { 'retry-after': retryAfter }).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const endpoint = new URL(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`)
    send = otlpExport({ endpoint, headers: {}, service: 's', logger, clock: () => nowMs })
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  const logged = () =>
    lines.flatMap((line) => {
      const { event, status, spans }: Readonly<Record<string, unknown>> = JSON.parse(line)
      return event === 'trace.not_exported' ? [{ status, spans }] : []
    })

  test.each<[string, Answer, number, number | undefined]>([
    ['is silent', 'silence', 30_000, undefined],
    ['fails', [500], 30_000, 500],
    ['refuses', [401], 30_000, 401],
    ['is busy', [503], 30_000, 503],
    ['is busy for a while', [503, '5'], 5_000, 503],
    ['is asked too often', [429, '120'], 120_000, 429],
    ['wants to be left alone for long', [429, '999999999'], 3_600_000, 429],
    ['fails and says when to come', [500, '5'], 30_000, 500],
  ])('and %s is left alone: %j', async (_, answer, pauseMs, status) => {
    answers = [answer]

    await send([SOME_SPAN])
    nowMs += pauseMs - 1
    await send([SOME_SPAN, SOME_SPAN])
    await send([SOME_SPAN])
    const [meanwhile, told] = [calls, logged()]
    nowMs += 1
    await send([SOME_SPAN])
    await send([SOME_SPAN])

    expect([meanwhile, calls]).toEqual([1, 3])
    expect(told).toEqual([{ status, spans: 1 }])
    // What was left out in the meantime, once.
    expect(logged()).toEqual([{ status, spans: 1 }, { spans: 3 }])
  })

  test('costs one line, however many calls found out together', async () => {
    answers = [[500], [500], [500]]

    await Promise.all([send([SOME_SPAN]), send([SOME_SPAN]), send([SOME_SPAN])])
    nowMs += 30_000
    answers = [[500]]
    await send([SOME_SPAN])

    expect(logged()).toEqual([
      { status: 500, spans: 1 },
      { status: 500, spans: 3 },
    ])
  })
})

test('statements and the state store are followed, without the values that went along', async () => {
  const own = await testDatabase('postgres')
  const tracer = tracerTo(collector.url)
  const database = openDatabase({ url: new URL(own.url), poolSize: 1, tracer })
  const state = tracedState(memoryState({ clock: Date.now }), tracer, 'redis')
  const arrival = { name: () => 'call', traceparent: null, attributes: {} }

  await tracer.serve(arrival, async () => {
    const sql = await database.sql()
    await sql.selectFrom('users').selectAll().where('openid', '=', 'a-secret').execute({ signal: never })
    await state.set('key-of-somebody', 'a-secret', { ttlMs: 1_000 }, never)
  })
  await tracer.flush()
  await database.close()
  await own.close()

  const spans = await collected()
  expect(spans.map(({ name }) => name)).toEqual(['select users', 'state set', 'call'])
  expect(spans[0]?.attributes).toEqual({
    'db.system.name': 'postgresql',
    'db.query.text': 'select * from "users" where "openid" = $1',
  })
  expect(JSON.stringify(spans)).not.toMatch(/a-secret|key-of-somebody/)
})

test('what fails in the database or the state store is noted by its code or name', async () => {
  const own = await testDatabase('postgres')
  const tracer = tracerTo(collector.url)
  const database = openDatabase({ url: new URL(own.url), poolSize: 1, tracer })
  const gone = { ...memoryState({ clock: Date.now }), get: () => Promise.reject(new Fault('unavailable')) }
  const state = tracedState(gone, tracer, 'redis')

  const sql = await database.sql()
  await sqlText`select * from "no_such_table"`.execute(sql).catch(() => {})
  await state.get('key', never).catch(() => {})
  await tracer.flush()
  await database.close()
  await own.close()

  const spans = await collected()
  expect(spans.map(({ name, attributes }) => [name, attributes['error.type']])).toEqual([
    ['select no_such_table', '42P01'],
    ['state get', 'unavailable'],
  ])
})

test("another program's answer that is a failure is one of the call's", async () => {
  const tracer = tracerTo(collector.url)
  const attributes = { 'server.address': 'api.test' }
  const answered = (status: number) =>
    tracer.span(`call ${status}`, attributes, async (span) =>
      span.set({ 'http.response.status_code': status }),
    )

  for (const status of [200, 404, 500]) await answered(status)
  await tracer.flush()

  const spans = await collected()
  expect(spans.map((span) => [span.name, span.failure, span.attributes['error.type']])).toEqual([
    ['call 200', undefined, undefined],
    ['call 404', '404', '404'],
    ['call 500', '500', '500'],
  ])
})

test('a request is shown as a tree, with what was delivered of it later', async () => {
  const tracer = tracerTo(collector.url)
  const app = sampleApp(tracer)
  await callApp(app, '/api/v1/items/7', { invocation })
  await Promise.all(background)
  const later = { name: () => 'timer', traceparent: null, attributes: {} }
  await tracer.serve(later, () =>
    tracer.span('deliver order.paid', { 'xiaohan.request_id': 'test-request' }, async () => {}),
  )
  await tracer.flush()

  const spans = await collected()
  const shape = traceTree(spans, 'test-request').map((line) => line.replace(/ {2}(?:\d|failed).*/, ''))

  expect(shape.filter((line) => !line.startsWith('trace'))).toEqual([
    '  GET /items/{id}',
    '    inner',
    '    afterwards',
    '  timer',
    '    deliver order.paid',
  ])
  expect(callList(spans, 20)).toEqual([
    expect.stringMatching(
      /^\d\d:\d\d:\d\d\.\d{3} {2}test-request {2}GET \/items\/\{id\} {2}200 {2}[\d.]+ ms {2}\(xiaohan-sample\)$/,
    ),
  ])
  expect(traceTree(spans, 'another')).toEqual([])
})
