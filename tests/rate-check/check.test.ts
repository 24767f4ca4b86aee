import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '#tests/backend.ts'
import type { TestAnswer, TestCall } from '#tests/invocation.ts'

let backend: Backend
beforeAll(async () => {
  backend = await startBackend({ guard: {}, admins: ['boss'] })
})
afterAll(() => backend.close())
beforeEach(() => {
  backend.state.failing = false
})

let people = 0
const somebody = () => `person-${(people += 1)}`

function check(checks: unknown, call: TestCall = {}): Promise<TestAnswer> {
  return backend.call('/rate-check', { body: { checks }, signer: backend.partner, ...call })
}

describe('POST /rate-check', () => {
  test('takes from a limit and says what is left', async () => {
    const user = somebody()

    const first = await check([{ policy: 'phone', key: { user } }])
    const costly = await check([{ policy: 'phone', key: { user }, cost: 3 }])
    const refused = await check([{ policy: 'phone', key: { user }, cost: 2 }])

    expect(first.body.data).toEqual({
      allowed: true,
      results: [{ policy: 'phone', allowed: true, remaining: 4, resetS: 12 }],
    })
    expect(costly.body.data.results[0].remaining).toBe(1)
    expect([refused.status, refused.body.data]).toEqual([
      200,
      {
        allowed: false,
        results: [{ policy: 'phone', allowed: false, remaining: 1, resetS: 48, retryAfterS: 12 }],
      },
    ])
  })

  test('takes several checks together or none', async () => {
    const [alice, bob] = [somebody(), somebody()]
    await check([{ policy: 'phone', key: { user: bob }, cost: 5 }])

    const both = await check([
      { policy: 'phone', key: { user: alice } },
      { policy: 'phone', key: { user: bob } },
    ])
    const alone = await check([{ policy: 'phone', key: { user: alice }, cost: 5 }])

    expect(both.body.data).toMatchObject({ allowed: false, results: [{ allowed: true }, { allowed: false }] })
    expect(alone.body.data.allowed).toBe(true)
  })

  test('with a cost of 0 only looks', async () => {
    const user = somebody()

    const looks = [0, 0, 1].map((cost) => () => check([{ policy: 'delete', key: { user }, cost }]))
    const answers: number[] = []
    for (const look of looks) answers.push((await look()).body.data.results[0].remaining)

    expect(answers).toEqual([5, 5, 4])
  })

  test('counts the addresses of one IPv6 network as one', async () => {
    const at = (ip: string) => check([{ policy: 'ip', key: { ip }, cost: 100 }])

    const left = [await at('2001:db8::1'), await at('2001:db8:0:0:ffff::9'), await at('2001:db8:0:1::1')]

    expect(left.map(({ body }) => body.data.results[0].remaining)).toEqual([1_900, 1_800, 1_900])
  })

  test.each([
    ['no checks', [], 'checks'],
    ['an unknown policy', [{ policy: 'nobody-knows', key: { user: 'a' } }], 'checks.0.policy'],
    ['a policy of the prototype', [{ policy: 'constructor', key: { user: 'a' } }], 'checks.0.policy'],
    [
      'a key without the part the policy counts by',
      [{ policy: 'phone', key: { ip: '192.0.2.1' } }],
      'checks.0.key.user',
    ],
    ['an address that is none', [{ policy: 'ip', key: { ip: 'localhost' } }], 'checks.0.key.ip'],
    ['a negative cost', [{ policy: 'phone', key: { user: 'a' }, cost: -1 }], 'checks.0.cost'],
    [
      'a cost above the burst',
      [{ policy: 'user-write', key: { user: 'a' }, cost: 121 }],
      'checks.0.cost',
      'more than the policy ever grants (120)',
    ],
    [
      'a cost above the quota of a window',
      [{ policy: 'phone-day', key: { user: 'a' }, cost: 21 }],
      'checks.0.cost',
      'more than the policy ever grants (20)',
    ],
    ['half a unit', [{ policy: 'phone', key: { user: 'a' }, cost: 0.5 }], 'checks.0.cost'],
    ['an empty key', [{ policy: 'phone', key: { user: '' } }], 'checks.0.key.user'],
    [
      'the same limit twice',
      [
        { policy: 'phone', key: { user: 'a' } },
        { policy: 'phone', key: { user: 'a', ip: '192.0.2.1' } },
      ],
      'checks.1',
    ],
  ])('refuses %s and says where', async (_, checks, path, message = '') => {
    const { status, body } = await check(checks)

    expect([status, body.error]).toEqual([400, 'validation_failed'])
    expect(body.details?.map((detail) => detail['path'])).toContain(path)
    expect(JSON.stringify(body.details)).toContain(message)
  })

  test('refuses more than 20 checks', async () => {
    const { status } = await check(
      Array.from({ length: 21 }, () => ({ policy: 'phone', key: { user: 'a' } })),
    )

    expect(status).toBe(400)
  })

  test('answers nobody but partners and admins', async () => {
    const checks = [{ policy: 'phone', key: { user: somebody() } }]
    const unsigned = { body: { checks } }
    const user = await backend.signIn('alice')
    const boss = await backend.signIn('boss')
    const stranger = { ...backend.partner, key: Buffer.alloc(32, 7) }

    const answers = [
      await backend.call('/rate-check', unsigned),
      await backend.call('/rate-check', { ...unsigned, token: user.accessToken }),
      await backend.call('/rate-check', { ...unsigned, token: 'guess' }),
      await check(checks, { signer: stranger }),
      await backend.call('/rate-check', { ...unsigned, token: boss.accessToken }),
    ]

    expect(answers.map(({ status, body }) => `${status} ${body.error ?? 'ok'}`)).toEqual([
      '400 bad_request',
      '403 forbidden',
      '401 unauthenticated',
      '403 signature_invalid',
      '200 ok',
    ])
  })

  test('while the state store is down follows each policy: deny is unavailable, local counts in the instance', async () => {
    const user = somebody()
    backend.state.failing = true

    const denied = await check([{ policy: 'phone', key: { user } }])
    const local = await check([{ policy: 'user-write', key: { user }, cost: 120 }])
    const exhausted = await check([{ policy: 'user-write', key: { user } }])

    expect([denied.status, denied.headers.get('retry-after')]).toEqual([503, '1'])
    expect([local, exhausted].map(({ body }) => body.data.allowed)).toEqual([true, false])
  })
})
