import { describe, expect, test } from '@jest/globals'
import { checkSet } from '#shared/risk/check-set.ts'
import { type CompiledSet, MAX_SET_STEPS } from '#shared/risk/compile-set.ts'
import { givenFacts } from '#shared/risk/given-facts.ts'
import { judgeRules } from '#shared/risk/judge-rules.ts'
import { rule } from './start-risk.ts'

const OPTIONS = { builtInPolicies: ['login'] }

async function problemsOf(set: unknown) {
  const checked = await checkSet(set, OPTIONS)
  return 'problems' in checked ? checked.problems : []
}

const COUNTER = { name: 'logins', scope: {}, by: ['ip'], windowS: 60 }
const CASE = { name: 'at night', route: 'POST /login', facts: { hour: 3 }, expect: { action: 'deny' } }

describe('a set of rules', () => {
  test('with all its parts is taken', async () => {
    const problems = await problemsOf({
      rules: [
        rule('counters.logins > 5', { scope: { route: '/login', method: 'POST' } }),
        rule('hour < 6', {
          id: 'night',
          priority: -1,
          reason: 'at_night',
          expiresAt: '2026-12-01T00:00:00Z',
        }),
        rule('true', { id: 'slow', priority: -2, action: 'throttle', policy: 'mine' }),
        rule('true', { id: 'trial', priority: -3, action: 'shadow', would: 'challenge' }),
      ],
      counters: [COUNTER],
      cases: [CASE, { ...CASE, facts: { hour: 9 }, expect: { action: 'throttle', rule: 'slow' } }],
      policies: { mine: { quota: 5, windowS: 60, by: ['ip'] } },
    })

    expect(problems).toEqual([])
  })

  test.each([
    ['no object', null, ''],
    ['a list', [], ''],
    ['an unknown part', { rulez: [] }, 'rulez'],
    ['rules that are no list', { rules: { 0: rule('true') } }, 'rules'],
    ['an unknown field', { rules: [rule('true', { wen: 'true' })] }, 'rules.0.wen'],
    [
      'a condition that is no text',
      { rules: [rule('true'), { ...rule(''), when: { op: 'true' } }] },
      'rules.1.when',
    ],
    ['an empty condition', { rules: [rule('')] }, 'rules.0.when'],
    ['a long condition', { rules: [rule(`true${' '.repeat(2_000)}`)] }, 'rules.0.when'],
    ['a priority that is no whole number', { rules: [rule('true', { priority: 1.5 })] }, 'rules.0.priority'],
    ['a priority in a text', { rules: [rule('true', { priority: '1' })] }, 'rules.0.priority'],
    ['an unknown action', { rules: [rule('true', { action: 'ban' })] }, 'rules.0.action'],
    ['an id with other characters', { rules: [rule('true', { id: '__proto__' })] }, 'rules.0.id'],
    ['the id of the deny list', { rules: [rule('true', { id: 'deny-list' })] }, 'rules.0.id'],
    ['an id used twice', { rules: [rule('true'), rule('false')] }, 'rules.1.id'],
    ['a time that is none', { rules: [rule('true', { expiresAt: 'soon' })] }, 'rules.0.expiresAt'],
    ['throttle without a policy', { rules: [rule('true', { action: 'throttle' })] }, 'rules.0.policy'],
    [
      'a policy nobody knows',
      { rules: [rule('true', { action: 'throttle', policy: 'nope' })] },
      'rules.0.policy',
    ],
    ['a policy beside deny', { rules: [rule('true', { policy: 'login' })] }, 'rules.0.policy'],
    ['would beside deny', { rules: [rule('true', { would: 'deny' })] }, 'rules.0.would'],
    [
      'a method of no route',
      { rules: [rule('true', { scope: { method: 'BREW' } })] },
      'rules.0.scope.method',
    ],
    [
      'too many rules',
      { rules: Array.from({ length: 201 }, (_, i) => rule('true', { id: `r${i}` })) },
      'rules',
    ],
    ['a counter named twice', { counters: [COUNTER, COUNTER] }, 'counters.1.name'],
    ['a counter named constructor', { counters: [{ ...COUNTER, name: 'constructor' }] }, 'counters.0.name'],
    ['a counter by nothing', { counters: [{ ...COUNTER, by: [] }] }, 'counters.0.by'],
    ['a counter for years', { counters: [{ ...COUNTER, windowS: 1e9 }] }, 'counters.0.windowS'],
    [
      'too many counters',
      { counters: Array.from({ length: 11 }, (_, i) => ({ ...COUNTER, name: `c${i}` })) },
      'counters',
    ],
    ['a policy without a quota', { policies: { mine: { windowS: 1, by: ['ip'] } } }, 'policies.mine.quota'],
    ['a prototype', JSON.parse('{"policies": {"__proto__": {"quota": 1}}}'), 'policies.__proto__'],
    [
      'a constructor',
      { policies: { constructor: { quota: 1, windowS: 1, by: ['ip'] } } },
      'policies.constructor',
    ],
    ['an unknown fact in a case', { cases: [{ ...CASE, facts: { weather: 1 } }] }, 'cases.0.facts.weather'],
  ])('with %s is refused where it is wrong', async (_, set, path) => {
    const [problem] = await problemsOf(set)

    expect(problem?.path).toBe(path)
  })

  test('of more than 64 KB is refused', async () => {
    const rules = Array.from({ length: 40 }, (_, i) => rule(`true${' '.repeat(1_900)}`, { id: `r${i}` }))

    expect(await problemsOf({ rules })).toEqual([{ path: '', message: 'a set has at most 65536 bytes' }])
  })

  test('whose rules together take long is refused, even if each of them is short', async () => {
    const list = `[${'hour,'.repeat(75)}1]`
    const rules = Array.from({ length: 40 }, (_, i) =>
      rule(`${list}.all(n, n > 1 && n < 9)`, { id: `r${i}` }),
    )

    expect(await problemsOf({ rules })).toEqual([
      { path: 'rules', message: expect.stringMatching(/^may take \d{5} steps, more than 20000$/) },
    ])
  })

  test.each([
    [
      'searches',
      `("x" == ip) || (device${' + device'.repeat(8)}).contains("${'a'.repeat(127)}b${'a'.repeat(127)}")`,
    ],
    ['loops', `[${'hour,'.repeat(40)}1].exists(n, n > 99 || n > 98 || n > 97 || n > 96)`],
    [
      'searches in loops',
      `[${`"${'a'.repeat(100)}b",`.repeat(12)}"a"].exists(x, "${'a'.repeat(250)}".contains(x) && hour < 0)`,
    ],
    ['comparisons of lists', `[${'hour,'.repeat(60)}1] == [${'hour,'.repeat(60)}1] && hour < 0`],
    ['case changes', `device${'.lowerAscii().upperAscii()'.repeat(15)} == ""`],
  ])(
    'that is as large as it may be with %s is decided within the steps that a set may take',
    async (_, when) => {
      const set = await largestSet(when)
      const given = { device: 'a'.repeat(64) }
      const facts = givenFacts(given, { call: 'POST /login', counters: [], isRecorded: false })
      const { rules } = set.planFor('POST /login')

      const { decision } = await judgeRules(rules, facts, 0)

      expect(rules.length).toBeGreaterThan(5)
      expect(rules.reduce((steps, { condition }) => steps + condition.steps, 0)).toBeLessThanOrEqual(
        MAX_SET_STEPS,
      )
      expect(decision.action).toBe('allow')
    },
  )

  test('is told all its problems at once, each with its place', async () => {
    const rules = [rule('nope'), rule('true', { id: 'fine' }), rule('hour <\n x', { id: 'b' })]

    expect(await problemsOf({ rules })).toEqual([
      { path: 'rules.0.when', message: 'unknown name: nope', line: 1, column: 1 },
      { path: 'rules.2.when', message: 'unknown name: x', line: 2, column: 2 },
    ])
  })

  test('is told twenty problems at most', async () => {
    const rules = Array.from({ length: 30 }, (_, i) => rule('nope', { id: `r${i}` }))

    expect(await problemsOf({ rules })).toHaveLength(20)
  })

  test('that fails one of its golden cases is refused with what was decided instead', async () => {
    const problems = await problemsOf({ rules: [rule('hour < 2')], cases: [CASE] })

    expect(problems).toEqual([{ path: 'cases.0', message: 'at night: expected deny, got allow by no rule' }])
  })

  test('whose golden case meets a rule that fails is told so', async () => {
    const problems = await problemsOf({ rules: [rule('1 / (hour - 3) > 0')], cases: [CASE] })

    expect(problems).toEqual([
      { path: 'cases.0', message: 'at night: expected deny, got allow by no rule, and rule-1 fails' },
    ])
  })

  test('stays sound when a rule of its golden cases expires', async () => {
    const rules = [rule('hour < 6', { expiresAt: '2020-01-01T00:00:00Z' })]

    expect(await problemsOf({ rules, cases: [CASE] })).toEqual([])
  })
})

/** As many rules with that condition as a set may have. */
async function largestSet(when: string): Promise<CompiledSet> {
  for (let count = 200; count > 0; count -= 4) {
    const rules = Array.from({ length: count }, (_, at) => rule(when, { id: `r${at}` }))
    const checked = await checkSet({ rules })
    if ('set' in checked) return checked.set
  }
  throw new TypeError('No set may have that condition')
}
