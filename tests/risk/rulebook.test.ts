import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Dialect } from '#shared/db/database.ts'
import { eraseDecisions } from '#shared/db/tables/risk-decisions.ts'
import { describeWith } from '#tests/services/describe-with.ts'
import { ADMIN, ADMIN_ID, type RiskBench, rule, signal, startRisk, userOf } from './start-risk.ts'

function suite(dialect: Dialect): void {
  let bench: RiskBench

  beforeAll(async () => {
    bench = await startRisk(dialect)
  })

  afterAll(() => bench.close())

  const current = () => bench.rulebook.current(signal)

  test('nothing is published at first', async () => {
    expect(await current()).toMatchObject({ version: 0, publishedAt: null, content: { rules: [] } })
  })

  test('a publication is the next version, with who and when, and the audit tells', async () => {
    const published = await bench.publish({ rules: [rule('true')] })

    const audit = await (await bench.database.sql()).selectFrom('audit').selectAll().execute()
    expect(published).toMatchObject({
      version: 1,
      publishedBy: ADMIN_ID,
      publishedAt: new Date(bench.now()),
      content: { rules: [{ id: 'rule-1', when: 'true' }], counters: [], policies: {} },
    })
    expect(await current()).toEqual(published)
    expect(audit).toMatchObject([
      { action: 'guard.rules_published', actor_id: ADMIN_ID, ip: ADMIN.ip, request_id: ADMIN.requestId },
    ])
    expect(JSON.parse(audit[0]?.details ?? '')).toEqual({ version: 1, parts: ['rules'] })
  })

  test('parts that are not given stay as they are', async () => {
    const policies = { mine: { quota: 1, windowS: 1, by: ['ip'] } }
    await bench.publish({ policies })
    await bench.publish({ rules: [rule('true', { action: 'throttle', policy: 'mine' })] })

    expect((await current()).content).toMatchObject({ policies, rules: [{ policy: 'mine' }] })
    await expect(bench.publish({ policies: {} })).rejects.toMatchObject({
      details: [{ path: 'rules.0.policy', message: 'is not the name of a policy' }],
    })
  })

  test('a set that is refused changes nothing', async () => {
    const before = await current()

    await expect(bench.publish({ rules: [rule('hour >')] })).rejects.toMatchObject({
      error: 'validation_failed',
      details: [{ path: 'rules.0.when', line: 1, column: 7 }],
    })

    expect(await current()).toEqual(before)
  })

  test('of two publications for the same version one is a conflict', async () => {
    const { version } = await current()
    const change = { rules: [rule('true')] }
    const publish = () => bench.rulebook.publish({ change, baseVersion: version }, ADMIN, signal)

    const outcomes = await Promise.allSettled([publish(), publish()])

    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(outcomes).toContainEqual({
      status: 'rejected',
      reason: expect.objectContaining({ error: 'conflict' }),
    })
    expect((await current()).version).toBe(version + 1)
  })

  test('an old version comes back as a new one', async () => {
    await bench.publish({ rules: [rule('false', { id: 'other' })] })
    const { version } = await current()

    const restored = await bench.rulebook.restore({ version: 1, baseVersion: version }, ADMIN, signal)

    expect(restored).toMatchObject({ version: version + 1, content: { rules: [{ id: 'rule-1' }] } })
    await expect(bench.rulebook.restore({ version: 999 }, ADMIN, signal)).rejects.toMatchObject({
      error: 'not_found',
    })
  })

  test('versions are listed, newest first', async () => {
    const [newest, next] = await bench.rulebook.versions({ limit: 2 }, signal)
    const [third] = await bench.rulebook.versions({ limit: 1, before: next?.version }, signal)

    const { version } = await current()
    expect([newest, next, third].map((row) => row?.version)).toEqual([version, version - 1, version - 2])
  })

  test('matches, shadows and failures are counted for each rule', async () => {
    const published = await bench.publish({
      rules: [
        rule('true', { id: 'trial', action: 'shadow', priority: 2 }),
        rule('1 / (hour - hour) > 0', { id: 'broken', priority: 1 }),
        rule('device == "x"', { id: 'hit' }),
      ],
    })
    const instance = bench.instance()
    for (const device of ['x', 'y', 'x']) await instance.decide({ device })
    await instance.risk.close()

    expect(await bench.rulebook.counts(published, signal)).toEqual({
      trial: { matched: 3, failed: 0 },
      broken: { matched: 0, failed: 3 },
      hit: { matched: 2, failed: 0 },
    })
  })

  test('a draft is tried on what was decided, and changes nothing', async () => {
    await bench.publish({ rules: [rule('device == "x"', { id: 'hit' })], counters: [] })
    await (await bench.database.sql()).deleteFrom('risk_decisions').execute()
    const instance = bench.instance()
    const user = userOf(bench.now(), { days: 2 })
    for (const device of ['x', 'y']) await instance.decide({ device, user })
    await instance.risk.close()
    const before = await current()

    const difference = await bench.rulebook.replay(
      { rules: [rule('user.ageDays == 2 && device == "y"', { id: 'new', action: 'challenge' })] },
      { limit: 10 },
      signal,
    )

    const at = new Date(bench.now())
    const shared = { at, route: 'POST /login', userId: user.id }
    const none = { action: 'allow', rule: null }
    expect(difference).toMatchObject({
      replayed: 2,
      same: 0,
      byAction: { deny: { allow: 1 }, allow: { challenge: 1 } },
    })
    expect(difference.different).toHaveLength(2)
    expect(difference.different).toContainEqual({
      ...shared,
      before: { action: 'deny', rule: 'hit' },
      after: none,
    })
    expect(difference.different).toContainEqual({
      ...shared,
      before: none,
      after: { action: 'challenge', rule: 'new' },
    })
    expect(await current()).toEqual(before)
  })

  test('a draft that needs what was not asked for leaves those rules out', async () => {
    const draft = { rules: [rule('user.status == "active"')] }

    const { same, replayed } = await bench.rulebook.replay(draft, { limit: 10 }, signal)

    expect([replayed, same]).toEqual([2, 1])
  })

  test('what was recorded of a user is erased with them', async () => {
    const instance = bench.instance()
    const user = userOf(bench.now())
    await instance.decide({ user, device: 'x' })
    await instance.risk.close()
    const ofUser = async () =>
      (await bench.database.sql())
        .selectFrom('risk_decisions')
        .select('id')
        .where('user_id', '=', user.id)
        .execute()
    const before = await ofUser()

    await eraseDecisions(await bench.database.sql(), user.id, signal)

    expect([before.length, (await ofUser()).length]).toEqual([1, 0])
  })

  test('of decisions that no rule made, five a second are kept, and all that one made', async () => {
    await (await bench.database.sql()).deleteFrom('risk_decisions').execute()
    const instance = bench.instance()

    for (let at = 0; at < 20; at += 1) await instance.decide({ device: at % 2 === 0 ? 'x' : 'y' })
    await instance.risk.close()

    const rows = await (await bench.database.sql()).selectFrom('risk_decisions').select('rule').execute()
    expect(rows.filter((row) => row.rule === null)).toHaveLength(5)
    expect(rows.filter((row) => row.rule === 'hit')).toHaveLength(10)
  })

  test('decisions are kept for seven days', async () => {
    const instance = bench.instance()
    bench.advance(7 * 86_400_000 + 1)

    await instance.decide({ device: 'x' })
    await instance.risk.close()

    const rows = await (await bench.database.sql()).selectFrom('risk_decisions').select('at').execute()
    expect(rows).toEqual([{ at: new Date(bench.now()) }])
  })

  test('the deny list takes entries and gives them back, each change under a revision of its own', async () => {
    const entry = (value: string) => ({ kind: 'device' as const, value, ttlS: 60, reason: '' })
    const deny = (value: string) => bench.denyList.deny(entry(value), ADMIN, signal)

    const [first, second] = [await deny('one'), await deny('two')]
    await bench.denyList.remove(first.id, ADMIN, signal)
    const third = await deny('three')

    const live = await bench.denyList.list({ limit: 10 }, signal)
    expect([first, second, third].map(({ revision }) => revision)).toEqual([1, 2, 4])
    expect(new Set(live.map(({ value }) => value))).toEqual(new Set(['two', 'three']))
    await expect(bench.denyList.remove(first.id, ADMIN, signal)).rejects.toMatchObject({ error: 'not_found' })
  })

  test('what cannot be recorded delays nobody and is dropped', async () => {
    await bench.publish({ rules: [rule('true', { id: 'hit' })] })
    const instance = bench.instance()
    await instance.decide()
    await instance.settle()
    bench.advance(1_500)
    bench.state.failing = true

    const decision = await instance.decide()
    await instance.risk.close()
    bench.state.failing = false

    expect(decision.rule).toBe('hit')
    expect(bench.log.map((line) => JSON.parse(line).part)).toContain('matches')
  })
}

describe('the rulebook on PostgreSQL', () => suite('postgres'))

describeWith(['mariadb'], 'the rulebook on MariaDB', () => suite('mysql'))
