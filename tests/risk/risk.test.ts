import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { Fault } from '#shared/errors.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import { ADMIN, type Instance, type RiskBench, rule, signal, startRisk, userOf } from './start-risk.ts'

let bench: RiskBench
let instance: Instance

beforeAll(async () => {
  bench = await startRisk()
})

afterAll(() => bench.close())

beforeEach(() => {
  instance = bench.instance()
  bench.log.length = 0
})

const events = () => bench.log.map((line) => JSON.parse(line).event)

describe('a decision', () => {
  test('is to allow while nothing is published', async () => {
    const fresh = await startRisk()

    expect(await fresh.instance().decide()).toEqual({ action: 'allow' })

    await fresh.close()
  })

  test('is that of the first rule that holds, by priority and then by order', async () => {
    await bench.publish({
      rules: [
        rule('true', { id: 'low', priority: 1 }),
        rule('true', { id: 'high', priority: 5, action: 'challenge', reason: 'prove_it' }),
        rule('true', { id: 'high-too', priority: 5 }),
        rule('false', { id: 'never', priority: 9 }),
      ],
    })

    expect(await instance.decide()).toEqual({ action: 'challenge', rule: 'high', reason: 'prove_it' })
  })

  test('names the policy to throttle by', async () => {
    await bench.publish({ rules: [rule('true', { action: 'throttle', policy: 'login' })] })

    expect(await instance.decide()).toEqual({
      action: 'throttle',
      rule: 'rule-1',
      policy: 'login',
      reason: 'rule_1',
    })
  })

  test('is left alone by rules for other routes, other methods, and by shadows', async () => {
    await bench.publish({
      rules: [
        rule('true', { id: 'other', scope: { route: '/user' } }),
        rule('true', { id: 'get', scope: { route: '/login', method: 'GET' } }),
        rule('true', { id: 'trial', action: 'shadow' }),
        rule('true', { id: 'post', scope: { method: 'POST' }, priority: -1 }),
      ],
    })

    const decisions = [
      await instance.decide(),
      await instance.decide({ route: 'GET /login' }),
      await instance.decide({ route: 'PUT /user' }),
      await instance.decide({ route: 'GET /elsewhere' }),
    ]

    expect(decisions.map(({ rule: id }) => id)).toEqual(['post', 'get', 'other', undefined])
  })

  test('is made on the caller, the route and the hour in China', async () => {
    await bench.publish({
      rules: [
        rule('ip == "198.51.100.1" && ipPrefix == "198.51.100.0/24"', { id: 'ip' }),
        rule('route == "/user" && method == "GET"', { id: 'route' }),
        rule('device == "emulator"', { id: 'device' }),
        rule('hour == 20 && !user.signedIn', { id: 'hour' }),
        rule('user.ageDays == 3 && user.status == "active"', { id: 'age' }),
        rule('wechat.riskRank >= 3', { id: 'rank' }),
      ],
    })

    const decisions = [
      await instance.decide({ ip: '::ffff:198.51.100.1' }),
      await instance.decide({ route: 'GET /user' }),
      await instance.decide({ device: 'emulator' }),
      await instance.decide(),
      await instance.decide({ user: userOf(bench.now(), { days: 3 }) }),
      await instance.decide({ user: userOf(bench.now()), riskRank: async () => 4 }),
    ]

    expect(decisions.map(({ rule: id }) => id)).toEqual(['ip', 'route', 'device', 'hour', 'age', 'rank'])
  })

  test('no longer meets a rule that has expired', async () => {
    const expiresAt = new Date(bench.now() + 1_000).toISOString()
    await bench.publish({ rules: [rule('true', { expiresAt })] })

    const before = await instance.decide()
    bench.advance(1_000)
    const after = await instance.decide()

    expect([before.action, after.action]).toEqual(['deny', 'allow'])
  })

  test('passes over a rule that fails, and says so once a second', async () => {
    await bench.publish({
      rules: [rule('1 / (hour - hour) > 0', { id: 'broken', priority: 1 }), rule('true')],
    })

    const decisions = [await instance.decide(), await instance.decide()]

    expect(decisions.map(({ rule: id }) => id)).toEqual(['rule-1', 'rule-1'])
    expect(events().filter((event) => event === 'risk.rule_failed')).toHaveLength(1)
  })
})

describe('what costs something to know', () => {
  test('is asked once, and only when a rule gets there that needs it', async () => {
    await bench.publish({
      rules: [
        rule('ip == "198.51.100.1"', { id: 'first', priority: 2 }),
        rule('user.status == "banned"', { priority: 1 }),
        rule('user.status == "deleted"', { id: 'again', priority: 1 }),
      ],
    })
    let asked = 0
    const user = { ...userOf(bench.now()), status: async () => ((asked += 1), 'banned') }

    const early = await instance.decide({ user, ip: '198.51.100.1' })
    const askedEarly = asked
    const late = await instance.decide({ user })

    expect([early.rule, askedEarly, late.rule, asked]).toEqual(['first', 0, 'rule-1', 1])
  })

  test('that cannot be had leaves out the rules that need a status, and a rank is unknown', async () => {
    await bench.publish({
      rules: [
        rule('user.status != "active"', { id: 'status', priority: 2 }),
        rule('wechat.riskRank == -1', { id: 'rank' }),
      ],
    })
    const fail = () => Promise.reject(new Fault('unavailable'))

    const decision = await instance.decide({ user: { ...userOf(0), status: fail }, riskRank: fail })

    expect(decision.rule).toBe('rank')
    expect(events()).toContain('risk.degraded')
  })
})

describe('a login, which is looked at twice', () => {
  const set = {
    rules: [
      rule('counters.perIp > 3', { id: 'burst', priority: 3 }),
      rule('user.ageDays < 1', { id: 'new-user', priority: 2, action: 'challenge' }),
      rule('device == "slow"', { id: 'slow', priority: 1, action: 'throttle', policy: 'login' }),
    ],
    counters: [
      { name: 'perIp', scope: { route: '/login' }, by: ['ip'], windowS: 600 },
      { name: 'perUser', scope: { route: '/login' }, by: ['user'], windowS: 600 },
    ],
  }

  test('meets rules about the user only once that is known', async () => {
    await bench.publish(set)
    const ip = '198.51.100.20'

    const before = await instance.decide({ ip, phase: 'before' })
    const after = await instance.decide({ ip, phase: 'identified', user: userOf(bench.now()) })

    expect([before, after]).toEqual([
      { action: 'allow' },
      { action: 'challenge', rule: 'new-user', reason: 'new_user' },
    ])
  })

  test('is not throttled a second time by what it met before', async () => {
    await bench.publish(set)
    const occasion = { ip: '198.51.100.21', device: 'slow', user: userOf(bench.now(), { days: 9 }) }

    const before = await instance.decide({ ...occasion, user: undefined, phase: 'before' })
    const after = await instance.decide({ ...occasion, phase: 'identified' })

    expect([before.action, after]).toEqual(['throttle', { action: 'allow' }])
  })

  test('counts once for its address, and for its user', async () => {
    await bench.publish(set)
    const ip = '198.51.100.22'
    const user = userOf(bench.now(), { days: 9 })

    const actions: string[] = []
    for (let login = 1; login <= 4; login += 1) {
      actions.push((await instance.decide({ ip, phase: 'before' })).action)
      await instance.decide({ ip, phase: 'identified', user })
    }

    expect(actions).toEqual(['allow', 'allow', 'allow', 'deny'])
  })
})

describe('a counter', () => {
  const counters = [{ name: 'perDevice', scope: { route: '/login' }, by: ['device'], windowS: 600 }]

  test('counts this request and those before it, for each device apart', async () => {
    await bench.publish({ rules: [rule('counters.perDevice > 2')], counters })

    const actions: string[] = []
    for (const device of ['a1', 'a1', 'b1', 'a1', 'b1'])
      actions.push((await instance.decide({ device })).action)

    expect(actions).toEqual(['allow', 'allow', 'allow', 'deny', 'allow'])
  })

  test('is read by other routes without counting them', async () => {
    await bench.publish({ rules: [rule('counters.perDevice >= 2')], counters })
    const elsewhere = () => instance.decide({ route: 'POST /orders', device: 'c1' })

    await instance.decide({ device: 'c1' })
    const actions = [(await elsewhere()).action, (await elsewhere()).action]
    await instance.decide({ device: 'c1' })

    expect([...actions, (await elsewhere()).action]).toEqual(['allow', 'allow', 'deny'])
  })

  test('forgets what is longer ago than its window', async () => {
    await bench.publish({ rules: [rule('counters.perDevice > 1')], counters })

    await instance.decide({ device: 'd1' })
    bench.advance(1_201_000)

    expect((await instance.decide({ device: 'd1' })).action).toBe('allow')
  })

  test('is 0 for a device that is not named, and for a store that is down', async () => {
    await bench.publish({ rules: [rule('counters.perDevice > 0')], counters })
    await instance.decide()

    const nameless = await instance.decide({ device: '' })
    bench.state.failing = true
    const down = await instance.decide()
    bench.state.failing = false

    expect([nameless.action, down.action]).toEqual(['allow', 'allow'])
    expect(events()).toContain('risk.degraded')
  })

  test('does not let a device choose another key', async () => {
    await bench.publish({ rules: [rule('counters.perDevice > 1')], counters })

    await instance.decide({ device: 'x} {ip:203.0.113.7' })
    const again = await instance.decide({ device: 'x} {ip:203.0.113.7' })

    expect(again.action).toBe('deny')
    expect([...bench.state.entries().keys()].join()).not.toContain('x}')
  })
})

describe('news', () => {
  const all = { rules: [rule('true')] }
  const none = { rules: [] }

  test('is in force in an instance under load within five seconds', async () => {
    await bench.publish(none)
    await instance.decide()
    await bench.publish(all)

    let seconds = 0
    for (; (await instance.decide()).action === 'allow' && seconds < 10; seconds += 0.5) {
      await instance.settle()
      bench.advance(500)
    }

    expect(seconds).toBeGreaterThan(0)
    expect(seconds).toBeLessThanOrEqual(5)
  })

  test('is awaited by the first request after a freeze', async () => {
    await bench.publish(none)
    await instance.decide()
    await bench.publish(all)

    bench.advance(3_600_000)

    expect((await instance.decide()).action).toBe('deny')
  })

  test('is awaited anew when a look at it was frozen on its way', async () => {
    await bench.publish(none)
    await instance.decide()
    const get = bench.state.get.bind(bench.state)
    bench.state.get = () => new Promise(() => {})
    bench.advance(2_500)
    await instance.decide()
    bench.state.get = get
    await bench.publish(all)

    bench.advance(3_600_000)

    expect((await instance.decide()).action).toBe('deny')
  })

  test('is looked for at most every two seconds', async () => {
    let reads = 0
    const get = bench.state.get.bind(bench.state)
    bench.state.get = (key, ended) => {
      reads += key === 'risk:current' ? 1 : 0
      return get(key, ended)
    }
    for (let request = 0; request < 100; request += 1) {
      await instance.decide()
      await instance.settle()
      bench.advance(100)
    }
    bench.state.get = get

    expect(reads).toBeGreaterThan(2)
    expect(reads).toBeLessThanOrEqual(6)
  })

  test('reaches an instance whole: under load no request sees half of two versions', async () => {
    const version = (name: string) => ({
      rules: [
        rule('device == "a"', { id: `${name}-a`, priority: 2 }),
        rule('true', { id: `${name}-b`, priority: 1 }),
      ],
    })
    await bench.publish(version('one'))
    await instance.decide()
    await bench.publish(version('two'))
    bench.advance(2_500)

    const pairs = await Promise.all(
      Array.from({ length: 200 }, async (_, at) => {
        const [a, b] = await Promise.all([
          instance.decide({ device: 'a', ip: `10.0.0.${at}` }),
          instance.decide({ device: 'b', ip: `10.0.0.${at}` }),
        ])
        return [a.rule, b.rule]
      }),
    )
    await instance.settle()
    const after = await instance.decide({ device: 'a' })

    expect(new Set(pairs.flat())).toEqual(new Set(['one-a', 'one-b']))
    expect(after.rule).toBe('two-a')
  })

  test('that does not compile here is refused once, and the rules before it stay', async () => {
    await bench.publish(all)
    await instance.decide()
    const { version } = await bench.rulebook.current(signal)
    await (
      await bench.database.sql()
    )
      .insertInto('guard_versions')
      .values({
        version: version + 1,
        content: JSON.stringify({ rules: [rule('nope')] }),
        created_at: new Date(bench.now()),
        created_by: null,
      })
      .execute()
    await bench.state.delete('risk:current', {}, signal)

    bench.advance(5_000)
    const first = await instance.decide()
    bench.advance(5_000)
    await instance.decide()

    expect(first.action).toBe('deny')
    expect(events().filter((event) => event === 'risk.set_refused')).toHaveLength(1)
  })

  test('is read without the database where the state store has it', async () => {
    await bench.publish(all)
    await instance.decide()
    const noDatabase = openDatabase({ url: new URL('postgres://127.0.0.1:1/none'), poolSize: 1 })
    const other = bench.instance({ database: noDatabase })

    const decision = await other.decide()

    expect(decision.action).toBe('deny')
    await other.settle()
    await noDatabase.close()
  })

  test('is read from the database where the state store is down', async () => {
    await bench.publish(all)
    bench.state.failing = true

    const decision = await instance.decide()
    bench.state.failing = false

    expect(decision.action).toBe('deny')
  })
})

describe('with both stores down', () => {
  test('the rules last known go on, without a wait for each request', async () => {
    await bench.publish({ rules: [rule('true')] })
    const noDatabase = openDatabase({ url: new URL('postgres://127.0.0.1:1/none'), poolSize: 1 })
    const other = bench.instance({ database: noDatabase })
    await bench.instance().decide()
    await other.decide()
    bench.state.failing = true
    bench.advance(60_000)

    const decisions = [await other.decide(), await other.decide(), await other.decide()]
    bench.state.failing = false

    expect(decisions.map(({ action }) => action)).toEqual(['deny', 'deny', 'deny'])
    expect(events().filter((event) => event === 'risk.degraded').length).toBeGreaterThan(0)
    await other.settle()
    await noDatabase.close()
  })

  test('an instance that knows no rules allows', async () => {
    const noDatabase = openDatabase({ url: new URL('postgres://127.0.0.1:1/none'), poolSize: 1 })
    const other = bench.instance({ database: noDatabase })
    bench.state.failing = true

    const decision = await other.decide()
    bench.state.failing = false

    expect(decision).toEqual({ action: 'allow' })
    await other.settle()
    await noDatabase.close()
  })
})

describe('the deny list', () => {
  const entry = (kind: 'user' | 'ip' | 'prefix' | 'device', value: string) => ({
    kind,
    value,
    ttlS: 60,
    reason: 'spam',
  })

  beforeAll(() => bench.publish({ rules: [rule('true', { action: 'allow', priority: 99 })] }))

  test('goes before every rule, by user, address, network and device', async () => {
    const user = userOf(bench.now())
    await bench.denyList.deny(entry('user', user.id), ADMIN, signal)
    await bench.denyList.deny(entry('ip', '2001:DB8:0::9'), ADMIN, signal)
    await bench.denyList.deny(entry('prefix', '198.51.100.0/24'), ADMIN, signal)
    await bench.denyList.deny(entry('device', 'stolen'), ADMIN, signal)

    const decisions = [
      await instance.decide({ user }),
      await instance.decide({ ip: '2001:db8::9' }),
      await instance.decide({ ip: '198.51.100.200' }),
      await instance.decide({ device: 'stolen' }),
      await instance.decide(),
    ]

    const denied = { action: 'deny', rule: 'deny-list', reason: 'denied' }
    expect(decisions.slice(0, 4)).toEqual([denied, denied, denied, denied])
    expect(decisions[4]?.action).toBe('allow')
  })

  test('is in force within five seconds, until it ends or is taken back', async () => {
    await instance.decide()
    const { id } = await bench.denyList.deny(entry('device', 'lost'), ADMIN, signal)
    await bench.denyList.deny(entry('device', 'found'), ADMIN, signal)
    bench.advance(5_000)
    const denied = [await instance.decide({ device: 'lost' }), await instance.decide({ device: 'found' })]

    await bench.denyList.remove(id, ADMIN, signal)
    bench.advance(5_000)
    const takenBack = await instance.decide({ device: 'lost' })
    const still = await instance.decide({ device: 'found' })
    bench.advance(60_000)
    const ended = await instance.decide({ device: 'found' })

    expect(denied.map(({ action }) => action)).toEqual(['deny', 'deny'])
    expect([takenBack.action, still.action, ended.action]).toEqual(['allow', 'deny', 'allow'])
  })

  test('takes changes at the same moment one after the other', async () => {
    const devices = Array.from({ length: 4 }, (_, at) => `parallel-${at}`)

    await Promise.all(devices.map((device) => bench.denyList.deny(entry('device', device), ADMIN, signal)))

    const decisions = await Promise.all(devices.map((device) => instance.decide({ device })))
    expect(decisions.map(({ action }) => action)).toEqual(['deny', 'deny', 'deny', 'deny'])
  })

  test('keeps no rows of entries that ended', async () => {
    await bench.denyList.deny(entry('device', 'old'), ADMIN, signal)
    bench.advance(61_000)
    await bench.denyList.deny(entry('device', 'new'), ADMIN, signal)
    await bench.denyList.deny(entry('device', 'newer'), ADMIN, signal)

    const rows = await (await bench.database.sql()).selectFrom('deny_list').select('value').execute()
    expect(rows.map(({ value }) => value)).not.toContain('old')
  })

  test.each([
    ['user', 'somebody'],
    ['ip', '203.0.113'],
    ['prefix', '203.0.0.0/16'],
    ['device', 'd'.repeat(65)],
  ] as const)('refuses a %s that nobody can have', async (kind, value) => {
    const denying = bench.denyList.deny(entry(kind, value), ADMIN, signal)

    await expect(denying).rejects.toMatchObject({ error: 'validation_failed' })
  })
})
