import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Failure } from '#scripts/emulator/partner/failures.ts'
import { type PartnerStandIn, type Received, startPartner } from '#scripts/emulator/partner/start-partner.ts'
import {
  type Downstream,
  downstreamSettings,
  downstreamTargets,
  tellDownstream,
} from '#shared/backend/downstream.ts'
import { readEnv } from '#shared/config/read-env.ts'
import type { Database } from '#shared/db/database.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import { createOutbound } from '#shared/outbound/outbound.ts'
import { type Drained, drain } from '#shared/outbox/drain.ts'
import { secret } from '#shared/secret.ts'
import { webhookKey } from '#shared/signing/webhook.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { required } from '#tests/services/servers.ts'
import { testDatabase } from '#tests/services/test-database.ts'

const never = new AbortController().signal
const start = Date.UTC(2026, 10, 23, 12)
const partner = { partner: 'acme', kid: 'acme.k1', key: new Uint8Array(32).fill(7) }
const TOKEN = 'a-token-for-the-bus-1'

/** What a message says, whatever its form. */
interface Said {
  readonly id: unknown
  readonly type: unknown
  readonly time: unknown
  readonly data: unknown
}

interface Target {
  readonly to: (url: URL) => Downstream
  readonly prefix: string
  /** What arrived, once its form has been checked. */
  readonly read: (received: Received) => Said
}

const bus = (mode: 'structured' | 'binary') => (url: URL) => ({
  eventBus: { url, mode, source: '/xiaohan', token: secret(TOKEN) },
})

/** Everyone who can be told is told alike. */
const TARGETS: Readonly<Record<string, Target>> = {
  'a webhook': {
    to: (url) => ({ webhook: { url, key: partner.key } }),
    prefix: '',
    read({ headers, body }) {
      const [id = '', timestamp = '', signatures = ''] = ['id', 'timestamp', 'signature'].map((name) =>
        String(headers[`webhook-${name}`]),
      )
      expect(webhookKey([partner], { id, timestamp, signatures }, Buffer.from(body))).toBe(partner)
      const { type, timestamp: time, data } = JSON.parse(body)
      return { id, type, time, data }
    },
  },
  'a bus, in the structured mode': {
    to: bus('structured'),
    prefix: 'xiaohan.',
    read({ headers, body }) {
      expect(headers['content-type']).toBe('application/cloudevents+json; charset=utf-8')
      expect(headers.authorization).toBe(`Bearer ${TOKEN}`)
      const { id, type, time, data, ...rest } = JSON.parse(body)
      expect(rest).toEqual({ specversion: '1.0', source: '/xiaohan', datacontenttype: 'application/json' })
      return { id, type, time, data }
    },
  },
  'a bus, in the binary mode': {
    to: bus('binary'),
    prefix: 'xiaohan.',
    read({ headers, body }) {
      expect(headers['content-type']).toBe('application/json')
      expect(headers.authorization).toBe(`Bearer ${TOKEN}`)
      expect([headers['ce-specversion'], headers['ce-source']]).toEqual(['1.0', '/xiaohan'])
      const { 'ce-id': id, 'ce-type': type, 'ce-time': time } = headers
      return { id, type, time, data: JSON.parse(body) }
    },
  },
}

let nowMs = start
let database: Database
let standIn: PartnerStandIn
let closeDatabase: () => Promise<void>

beforeEach(async () => {
  nowMs = start
  const clock = () => nowMs
  const own = await testDatabase('postgres')
  database = openDatabase({ url: new URL(own.url), poolSize: 2, clock })
  standIn = await startPartner({ key: partner, clock })
  closeDatabase = async () => {
    await database.close()
    await own.close()
  }
})
afterEach(() => Promise.all([standIn.stop(), closeDatabase()]))

const news = { topic: 'order.paid', payload: { no: 'n1', amountFen: 100 }, requestId: 'r-1' }

async function tell(downstream: Downstream): Promise<void> {
  const sql = await database.sql()
  await sql.transaction().execute((own) => tellDownstream(downstream, () => nowMs)(own, news, never))
}

function drainer(downstream: Downstream): () => Promise<Drained> {
  const clock = () => nowMs
  const logger = createLogger({ level: 'error', clock, write: () => {} })
  const outbound = createOutbound({ logger, clock })
  const targets = downstreamTargets(downstream, { clock, outbound, timeoutMs: 500 })
  const schedule = { waitsS: [10, 60], random: () => 0.5 }
  return () => drain({ database, clock, logger, targets, schedule }, never)
}

async function rows() {
  return (await database.sql()).selectFrom('outbox').selectAll().orderBy('id').execute()
}

const DONE = { done: 1, failed: 0, dead: 0 }
const FAILED = { done: 0, failed: 1, dead: 0 }
const NOTHING = { done: 0, failed: 0, dead: 0 }
const DEAD = { done: 0, failed: 0, dead: 1 }

describe.each(Object.entries(TARGETS))('%s', (_, { to, prefix, read }) => {
  const downstream = () => to(new URL(`${standIn.url}/hook`))

  test('is told what happened, under the id that the outbox has for it', async () => {
    await tell(downstream())

    const drained = await drainer(downstream())()

    expect(drained).toEqual(DONE)
    expect(standIn.received.map(read)).toEqual([
      {
        id: required((await rows())[0]).id,
        type: `${prefix}order.paid`,
        time: '2026-11-23T12:00:00.000Z',
        data: news.payload,
      },
    ])
  })

  const FAILURES: readonly (readonly [string, Failure, string])[] = [
    ['a 500', { how: 'status', status: 500 }, 'HTTP 500'],
    ['a 410', { how: 'status', status: 410 }, 'HTTP 410'],
    ['silence', { how: 'silent' }, 'timeout'],
    ['an answer without end', { how: 'huge' }, 'answer over 65536 bytes'],
    ['a redirect', { how: 'redirect', to: 'http://127.0.0.1:1/' }, 'HTTP 307'],
    ['a broken connection', { how: 'reset' }, 'ECONNRESET'],
  ]

  test.each(FAILURES)(
    'that meets it with %s is told three times on schedule, and then no more',
    async (_what, failure, error) => {
      await tell(downstream())
      const drainNow = drainer(downstream())
      standIn.fail(failure, 3)

      const drained: Drained[] = []
      for (const waitMs of [0, 9_999, 1, 59_999, 1, 3_600_000]) {
        nowMs += waitMs
        drained.push(await drainNow())
      }

      expect(drained).toEqual([FAILED, NOTHING, FAILED, NOTHING, DEAD, NOTHING])
      expect(new Set(standIn.received.map((one) => read(one).id)).size).toBe(1)
      expect(standIn.received).toHaveLength(3)
      expect(await rows()).toEqual([
        expect.objectContaining({ state: 'dead', attempts: 3, last_error: expect.stringContaining(error) }),
      ])
      // Of many webhooks the path is the secret.
      expect((await rows())[0]?.last_error).not.toContain('/hook')
    },
  )

  test('that asks for time gets it, and then the message', async () => {
    await tell(downstream())
    const drainNow = drainer(downstream())
    standIn.fail({ how: 'status', status: 429, headers: { 'retry-after': '120' } })

    const drained: Drained[] = []
    for (const waitMs of [0, 119_999, 1]) {
      nowMs += waitMs
      drained.push(await drainNow())
    }

    expect(drained).toEqual([FAILED, NOTHING, DONE])
  })

  test('that is well again gets what it missed', async () => {
    await tell(downstream())
    await tell(downstream())
    const drainNow = drainer(downstream())
    standIn.fail({ how: 'reset' }, 2)
    await drainNow()
    nowMs += 10_000

    const drained = await drainNow()

    expect(drained).toEqual({ done: 2, failed: 0, dead: 0 })
    expect(new Set(standIn.received.map((one) => read(one).id)).size).toBe(2)
  })
})

test('one that fails keeps nobody else from being told', async () => {
  const webhook = { url: new URL('http://127.0.0.1:1/'), key: partner.key }
  const both = { webhook, ...bus('structured')(new URL(`${standIn.url}/hook`)) }
  await tell(both)

  const drained = await drainer(both)()

  expect(drained).toEqual({ done: 1, failed: 1, dead: 0 })
  expect(standIn.received).toHaveLength(1)
})

test('nobody is told where nobody is to be', async () => {
  await tell({})

  expect(await rows()).toEqual([])
})

describe('the settings', () => {
  const settings = (env: Readonly<Record<string, string>>) => readEnv(env, downstreamSettings)

  test('name a bus by its URL alone', () => {
    expect(settings({ EVENT_BUS_URL: 'https://bus.example/events' }).eventBus).toEqual({
      url: new URL('https://bus.example/events'),
      mode: 'structured',
      source: '/xiaohan',
      token: undefined,
    })
  })

  test.each([
    'https://api.example/xiaohan?a=b#c',
    'urn:event:from:myapi/resource/123',
    'mailto:ops@shop.example',
    'https://[2001:db8::1]:8443/xiaohan',
    '//shop.example/a',
    './a:b',
    '/cloud%20events',
    '1-555-123-4567',
  ])('take the source %s', (source) => {
    const { eventBus } = settings({ EVENT_BUS_URL: 'https://bus.example', EVENT_BUS_SOURCE: source })

    expect(eventBus?.source).toBe(source)
  })

  test.each([
    '/小函',
    '/a b',
    '/a\u0000',
    '/a\r\nx: y',
    '/\u007f',
    '/%zz',
    '/a#b#c',
    '1:a',
    ':a',
    '/[a]',
    '/a|b',
  ])('refuse the source %j', (source) => {
    const env = { EVENT_BUS_URL: 'https://bus.example', EVENT_BUS_SOURCE: source }

    expect(() => settings(env)).toThrow('EVENT_BUS_SOURCE must be a URI or a path')
  })

  test.each([
    [{ EVENT_BUS_URL: 'ftp://bus.example' }, 'EVENT_BUS_URL must be a URL'],
    [{ EVENT_BUS_URL: 'https://bus.example', EVENT_BUS_MODE: 'batched' }, 'EVENT_BUS_MODE must be one of'],
    [{ EVENT_BUS_URL: 'https://bus.example', EVENT_BUS_TOKEN: 'short' }, 'EVENT_BUS_TOKEN is shorter'],
    [{ WEBHOOK_URL: 'https://shop.example', WEBHOOK_SECRET: 'whsec_short' }, 'WEBHOOK_SECRET must be whsec_'],
    [{ WEBHOOK_SECRET: 'whsec_' }, 'WEBHOOK_SECRET is set, but nothing uses it without WEBHOOK_URL'],
    [{ EVENT_BUS_TOKEN: 'x' }, 'EVENT_BUS_TOKEN is set, but nothing uses it without EVENT_BUS_URL'],
    [{ EVENT_BUS_MODE: 'binary' }, 'EVENT_BUS_MODE is set, but nothing uses it without EVENT_BUS_URL'],
  ])('are refused when they are %j', (env, problem) => {
    expect(() => settings(env as Record<string, string>)).toThrow(problem)
  })
})
