import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, type SignedIn, startBackend } from '#tests/backend.ts'
import type { TestCall } from '#tests/invocation.ts'

let backend: Backend
let admin: SignedIn
let user: SignedIn

beforeAll(async () => {
  backend = await startBackend({ admins: ['root'] })
  admin = await backend.signIn('root')
  user = await backend.signIn('anna')
})

afterAll(() => backend.close())

const asAdmin = (path: string, call: TestCall = {}) =>
  backend.call(`/rate-check${path}`, { token: admin.accessToken, ...call })
const put = (path: string, body: unknown) => asAdmin(path, { method: 'PUT', body })
const audit = async () =>
  (await backend.database.sql())
    .selectFrom('audit')
    .selectAll()
    .where('action', 'like', 'guard.%')
    .orderBy('id')
    .execute()

const RULE = { id: 'burst', priority: 1, scope: {}, when: 'device == "emulator-x"', action: 'deny' }
const OTHER_ID = '0190a0a0-0000-7000-8000-000000000001'

describe('the admin routes', () => {
  test.each([
    ['GET', '/rules', undefined],
    ['PUT', '/rules', { rules: [] }],
    ['GET', '/rules/versions', undefined],
    ['GET', '/rules/versions/1', undefined],
    ['POST', '/rules/replay', { draft: { rules: [] } }],
    ['GET', '/policies', undefined],
    ['PUT', '/policies', { policies: {} }],
    ['GET', '/denied', undefined],
    ['POST', '/denied', { kind: 'ip', value: '203.0.113.1', ttlS: 60 }],
    ['DELETE', `/denied/${OTHER_ID}`, undefined],
  ])('%s %s is for admins alone', async (method, path, body) => {
    const call = body === undefined ? { method } : { method, body }

    const anonymous = await backend.call(`/rate-check${path}`, call)
    const ordinary = await backend.call(`/rate-check${path}`, { ...call, token: user.accessToken })

    expect([anonymous.body.error, ordinary.body.error]).toEqual(['unauthenticated', 'forbidden'])
    expect(await audit()).toEqual([])
  })
})

describe('rules', () => {
  test('are published as a whole and shown with their counts', async () => {
    const before = await asAdmin('/rules')
    const published = await put('/rules', { baseVersion: 0, rules: [RULE] })
    const after = await asAdmin('/rules')

    expect(before.body.data).toMatchObject({ version: 0, rules: [], counts: {}, publishedAt: null })
    expect(published.status).toBe(200)
    expect(published.body.data).toMatchObject({ version: 1, rules: [RULE], publishedBy: admin.user.id })
    expect(after.body.data).toEqual({ ...published.body.data, counts: { burst: { matched: 0, failed: 0 } } })
    expect(await audit()).toMatchObject([{ action: 'guard.rules_published', actor_id: admin.user.id }])
  })

  test('for another version than the one in force are a conflict', async () => {
    const { status, body } = await put('/rules', { baseVersion: 0, rules: [] })

    expect([status, body.error]).toEqual([409, 'conflict'])
  })

  test('keep every version, and an old one can be published again', async () => {
    await put('/rules', { rules: [] })
    const first = await asAdmin('/rules/versions/1')
    const restored = await put('/rules', { version: 1 })
    const page = await asAdmin('/rules/versions?limit=2')
    const next = await asAdmin(`/rules/versions?limit=2&cursor=${page.body.data.nextCursor}`)

    expect(first.body.data).toMatchObject({ version: 1, rules: [RULE], policies: {} })
    expect(restored.body.data).toMatchObject({ version: 3, rules: [RULE] })
    expect(page.body.data.items.map(({ version }: { version: number }) => version)).toEqual([3, 2])
    expect(next.body.data).toMatchObject({ items: [{ version: 1 }], nextCursor: null })
  })

  test.each(['0', '99', '-1', '1.0', 'x', '99999999999999999999'])('have no version %s', async (version) => {
    const { status } = await asAdmin(`/rules/versions/${version}`)

    expect(status).toBe(404)
  })

  const deep = JSON.parse(`${'['.repeat(20)}${']'.repeat(20)}`)

  test.each([
    ['a regular expression', { rules: [{ ...RULE, when: 'ip.matches("(a+)+$")' }] }, 'rules.0.when'],
    ['an unknown fact', { rules: [RULE, { ...RULE, id: 'two', when: 'weather == 1' }] }, 'rules.1.when'],
    ['a wrong type', { rules: [{ ...RULE, priority: true }] }, 'rules.0.priority'],
    ['something deep', { rules: deep }, 'rules.0.id'],
    ['something deep for a rule', { rules: [{ ...RULE, scope: deep }] }, 'rules.0.scope.0'],
    ['an id twice', { rules: [RULE, RULE] }, 'rules.1.id'],
    ['an unknown policy', { rules: [{ ...RULE, action: 'throttle', policy: 'nope' }] }, 'rules.0.policy'],
    ['a prototype', `{"rules": [{"__proto__": {"id": "x"}}]}`, 'rules.0.id'],
    [
      'a failing golden case',
      { rules: [RULE], cases: [{ name: 'c', route: 'GET /user', expect: { action: 'deny' } }] },
      'cases.0',
    ],
    ['rules and a version at once', { rules: [], version: 1 }, ''],
    ['nothing to publish', { counters: [] }, ''],
    ['no object', [], ''],
  ])('with %s are refused and change nothing', async (_, body, path) => {
    const before = await asAdmin('/rules')

    const refused = await put('/rules', body)

    expect([refused.status, refused.body.error]).toEqual([400, 'validation_failed'])
    expect(refused.body.details?.[0]).toMatchObject({ path })
    expect((await asAdmin('/rules')).body.data).toEqual(before.body.data)
  })

  test('that cannot be read are told line and column', async () => {
    const { body } = await put('/rules', { rules: [{ ...RULE, when: 'hour > 1 &&\n  nope' }] })

    expect(body.details).toEqual([
      { path: 'rules.0.when', message: 'unknown name: nope', line: 2, column: 3 },
    ])
  })

  test('of more than 64 KB are refused', async () => {
    const { status } = await put('/rules', { rules: [{ ...RULE, when: ' '.repeat(70_000) }] })

    expect(status).toBe(413)
  })
})

describe('a draft', () => {
  test('is tried on what was decided, and changes nothing', async () => {
    const before = await asAdmin('/rules')

    const { status, body } = await asAdmin('/rules/replay', {
      body: { draft: { rules: [{ ...RULE, when: 'true', action: 'challenge' }] }, limit: 10 },
    })

    expect(status).toBe(200)
    expect(body.data).toMatchObject({
      replayed: expect.any(Number),
      same: expect.any(Number),
      byAction: expect.any(Object),
    })
    expect((await asAdmin('/rules')).body.data).toEqual(before.body.data)
  })

  test('that could not be published is refused', async () => {
    const { body } = await asAdmin('/rules/replay', { body: { draft: { rules: [{ ...RULE, when: '1' }] } } })

    expect([body.error, body.details?.[0]?.['path']]).toEqual(['validation_failed', 'rules.0.when'])
  })
})

describe('policies', () => {
  const policies = { mine: { quota: 5, windowS: 60, by: ['ip'] } }

  test('are published over the built-in ones, and rules may throttle by them', async () => {
    const before = await asAdmin('/policies')
    const published = await put('/policies', { baseVersion: before.body.data.version, policies })
    const rules = await put('/rules', { rules: [{ ...RULE, action: 'throttle', policy: 'mine' }] })

    expect(before.body.data.policies).toEqual({})
    expect(Object.keys(before.body.data.builtIn).length).toBeGreaterThan(0)
    expect(published.body.data.policies).toMatchObject(policies)
    expect(rules.status).toBe(200)
    expect((await asAdmin('/policies')).body.data.policies).toMatchObject(policies)
  })

  test('that a rule needs cannot be taken away', async () => {
    const { body } = await put('/policies', { policies: {} })

    expect(body.details).toEqual([{ path: 'rules.0.policy', message: 'is not the name of a policy' }])
  })

  test('that make no sense are refused where they are wrong', async () => {
    const { body } = await put('/policies', { policies: { mine: { ...policies.mine, quota: 0 } } })

    expect([body.error, body.details?.[0]?.['path']]).toEqual(['validation_failed', 'policies.mine.quota'])
  })
})

describe('the deny list', () => {
  test('takes entries, shows them, and gives them back', async () => {
    const denied = await asAdmin('/denied', {
      body: { kind: 'prefix', value: '2001:DB8:9:9:1::/64', ttlS: 60, reason: 'spam' },
    })
    const { id } = denied.body.data
    const listed = await asAdmin('/denied')
    const removed = await asAdmin(`/denied/${id}`, { method: 'DELETE' })
    const again = await asAdmin(`/denied/${id}`, { method: 'DELETE' })

    expect(denied.status).toBe(201)
    expect(denied.body.data).toEqual({
      id,
      kind: 'prefix',
      value: '2001:db8:9:9::/64',
      reason: 'spam',
      createdAt: new Date(backend.now()).toISOString(),
      createdBy: admin.user.id,
      expiresAt: new Date(backend.now() + 60_000).toISOString(),
    })
    expect(listed.body.data).toEqual({ items: [denied.body.data], nextCursor: null })
    expect([removed.status, again.status]).toEqual([204, 404])
    expect((await asAdmin('/denied')).body.data.items).toEqual([])
    const actions = (await audit()).map(({ action, details }) => [action, JSON.parse(details).id])
    expect(actions).toContainEqual(['guard.denied', id])
    expect(actions).toContainEqual(['guard.denial_removed', id])
  })

  test('is shown in pages, newest first', async () => {
    for (const value of ['p1', 'p2', 'p3'])
      await asAdmin('/denied', { body: { kind: 'device', value, ttlS: 60 } })

    const first = await asAdmin('/denied?limit=2')
    const second = await asAdmin(`/denied?limit=2&cursor=${first.body.data.nextCursor}`)

    const values = [first, second].map(({ body }) => body.data.items.length)
    expect(values).toEqual([2, 1])
    expect(second.body.data.nextCursor).toBeNull()
  })

  test.each([
    [{ kind: 'user', value: 'anna', ttlS: 60 }, 'value'],
    [{ kind: 'prefix', value: '10.0.0.0/8', ttlS: 60 }, 'value'],
    [{ kind: 'asn', value: '64496', ttlS: 60 }, 'kind'],
    [{ kind: 'ip', value: '203.0.113.1', ttlS: 0 }, 'ttlS'],
    [{ kind: 'ip', value: '203.0.113.1' }, 'ttlS'],
    [{ kind: 'device', value: '', ttlS: 60 }, 'value'],
  ])('refuses %j', async (body, path) => {
    const refused = await asAdmin('/denied', { body })

    expect([refused.body.error, refused.body.details?.[0]?.['path']]).toEqual(['validation_failed', path])
  })

  test('turns a user away within five seconds, and lets them in again', async () => {
    const value = user.user.id
    const hello = () => backend.call('/user', { token: user.accessToken })
    await hello()

    const { body } = await asAdmin('/denied', { body: { kind: 'user', value, ttlS: 60 } })
    backend.advance(5_000)
    const denied = await hello()
    await asAdmin(`/denied/${body.data.id}`, { method: 'DELETE' })
    backend.advance(5_000)
    const back = await hello()

    expect([denied.body.error, back.status]).toEqual(['risk_denied', 200])
    expect(denied.body.details).toEqual([{ reason: 'denied' }])
  })
})
