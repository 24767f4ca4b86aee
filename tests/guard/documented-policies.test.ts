import { expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { builtInPolicies } from '#shared/guard/built-in-policies.ts'
import { ROUTE_GUARDS } from '#shared/guard/route-guards.ts'
import { root } from '#tests/runtime/executables.ts'

const page = readFileSync(join(root, 'docs', 'rules.md'), 'utf8')

/** The table's rows, cells without their backticks. */
function rows(): readonly (readonly string[])[] {
  const [, found = ''] = page.split('\n| Policy | quota | windowS | burst |')
  const [table = ''] = found.split('\n\n')
  return table
    .split('\n')
    .slice(2)
    .map((row) => row.slice(2, -2).replaceAll('`', '').split(' | '))
}

test('docs/rules.md has every built-in policy as it is', () => {
  const built = Object.entries(builtInPolicies()).map(([name, policy]) => {
    const { quota, windowS, burst = quota, by, onStoreError, algorithm } = policy
    const atOnce = algorithm === 'token-bucket' ? String(burst) : '–'
    return [name, String(quota), String(windowS), atOnce, by.join(', '), onStoreError, algorithm]
  })

  expect(rows().map((row) => row.slice(0, 7))).toEqual(built)
})

test('docs/rules.md names the routes that a policy stands before', () => {
  const routesOf = (policy: string) =>
    Object.entries(ROUTE_GUARDS)
      .filter(([, { limits }]) => limits.some((name) => name === policy))
      .map(([route]) => route)
  const named = rows().flatMap(([policy = '', ...cells]) => {
    const routes = (cells.at(-1) ?? '').split(', ')
    return routes.every((route) => /^[A-Z]+ \//.test(route)) ? [{ policy, routes }] : []
  })

  expect(named.length).toBeGreaterThan(8)
  for (const { policy, routes } of named) expect(routes.toSorted()).toEqual(routesOf(policy).toSorted())
})
