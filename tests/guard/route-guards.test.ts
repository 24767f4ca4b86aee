import { describe, expect, test } from '@jest/globals'
import { describedFunctions } from '#scripts/openapi/described-functions.ts'
import { builtInPolicies } from '#shared/guard/built-in-policies.ts'
import { ROUTE_GUARDS } from '#shared/guard/route-guards.ts'
import { signatureDemand } from '#shared/guard/signature-demand.ts'
import { routeName } from '#shared/http/route.ts'

const routes = describedFunctions().flatMap((each) => each.routes.map(routeName))

test('the table has a row for every route of every function, and no other', () => {
  expect(Object.keys(ROUTE_GUARDS).toSorted()).toEqual(routes.toSorted())
})

test('every route has limits, and every one of them exists', () => {
  const policies = builtInPolicies()

  for (const [route, { limits }] of Object.entries(ROUTE_GUARDS)) {
    expect([route, limits.length > 0]).toEqual([route, true])
    for (const name of limits) expect(Object.keys(policies)).toContain(name)
  }
})

test('what would cost money or an account is refused while the state store is down, reads pass', () => {
  const policies = builtInPolicies()
  const denied = ['login-ip', 'login-device', 'phone', 'phone-day', 'delete']

  expect(denied.map((name) => policies[name]?.onStoreError)).toEqual(denied.map(() => 'deny'))
  expect(policies['user-read']?.onStoreError).toBe('allow')
  expect(policies['user-write']?.onStoreError).toBe('local')
})

test('a factor multiplies quotas and bursts', () => {
  expect(builtInPolicies(3)['user-write']).toMatchObject({ quota: 1_800, burst: 360 })
})

describe('the signature that is demanded', () => {
  const none = new Headers()
  const table = (route: string, options: Partial<Parameters<typeof signatureDemand>[2]> = {}) =>
    signatureDemand(ROUTE_GUARDS[route] ?? { limits: [] }, none, { hasUserKeys: false, ...options })

  test.each([
    ['POST /user/phone', 'required'],
    ['DELETE /user', 'required'],
    ['POST /users', 'required'],
    ['PUT /users/{id}', 'required'],
    ['PUT /rate-check/rules', 'required'],
    ['GET /user', 'optional'],
    ['PUT /user', 'optional'],
    ['POST /login', 'optional'],
    ['POST /rate-check', 'partner'],
  ])('on %s is %s by the table', (route, expected) => {
    expect(table(route)).toBe(expected)
  })

  test('is WeChat’s own user key on phone and deletion, where the deployment has it', () => {
    const options = { hasUserKeys: true }

    expect([table('POST /user/phone', options), table('DELETE /user', options)]).toEqual([
      'user-key',
      'user-key',
    ])
    expect([table('PUT /users/{id}', options), table('GET /user', options)]).toEqual(['required', 'optional'])
  })

  test('is none at all with SIGNING=off, but for partners', () => {
    const options = { signing: 'off' } as const

    expect([table('POST /user/phone', options), table('POST /rate-check', options)]).toEqual([
      undefined,
      'partner',
    ])
  })

  test('is everywhere but before a session with SIGNING=required', () => {
    const options = { signing: 'required' } as const

    expect([table('GET /user', options), table('POST /login', options)]).toEqual(['required', 'optional'])
  })

  test('is never demanded of a session with SIGNING=optional', () => {
    const options = { signing: 'optional', hasUserKeys: true } as const

    expect([table('POST /user/phone', options), table('POST /rate-check', options)]).toEqual([
      'optional',
      'partner',
    ])
  })

  test('of a partner may be an admin’s session instead', () => {
    const headers = new Headers({ authorization: 'Bearer x' })
    const guard = ROUTE_GUARDS['POST /rate-check'] ?? { limits: [] }

    expect(signatureDemand(guard, headers, { hasUserKeys: false })).toBe('optional')
  })
})
