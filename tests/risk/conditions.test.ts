import { beforeAll, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { MAX_STEPS } from '#shared/risk/check-condition.ts'
import { type CompileCondition, conditionCompiler } from '#shared/risk/conditions.ts'

const FACTS = {
  user: { id: 'u1', ageDays: 5n, status: 'active', signedIn: true },
  wechat: { riskRank: -1n },
  ip: '203.0.113.7',
  ipPrefix: '203.0.113.0/24',
  device: 'device-1',
  route: '/login',
  method: 'POST',
  hour: 20n,
  counters: { logins: 3n },
}

let compile: CompileCondition

beforeAll(async () => {
  compile = await conditionCompiler(['logins'])
})

describe('a condition that is taken', () => {
  test.each([
    ['counters.logins > 2 && hour >= 20', true],
    ['counters.logins > 3', false],
    ['user.signedIn && user.ageDays < 7 && user.status == "active"', true],
    ['ip in ["198.51.100.1", "203.0.113.7"]', true],
    ['["203.0.113.", "198.51.100."].exists(p, ip.startsWith(p))', true],
    ['ipPrefix == "203.0.113.0/24" ? method == "POST" : false', true],
    ['wechat.riskRank >= 3', false],
    ['device.size() == 0 || device.lowerAscii().contains("emu")', false],
    ['[[1, 2].all(n, n < hour), true].exists_one(found, !found)', false],
    ['route + "!" == "/login!"', true],
  ])('%s is %s', (when, expected) => {
    const condition = compile(when)

    expect('holds' in condition && condition.holds(FACTS)).toBe(expected)
  })

  test('says which facts must be fetched for it, and which counters it reads', () => {
    const condition = compile('user.status == "banned" || wechat.riskRank > 2 || counters.logins > 5')

    expect(condition).toMatchObject({
      needs: new Set(['user.status', 'wechat']),
      counters: new Set(['logins']),
    })
  })

  test('does not ask for the status when only the id or the age is looked at', () => {
    expect(compile('user.ageDays < 1')).toMatchObject({ needs: new Set(['user']) })
  })
})

describe('a condition that is refused', () => {
  test.each([
    ['a regular expression', 'ip.matches("(a+)+$")', 'matches() may not be used in a rule', 1],
    ['a regular expression as a function', 'matches(ip, "a")', 'matches() may not be used in a rule', 1],
    ['one in a loop', '["a"].exists(x, ip.matches(x))', 'matches() may not be used', 17],
    ['one in the list of a loop', '[ip.matches("a")].exists(x, x)', 'matches() may not be used', 2],
    ['one in a branch never taken', 'true || (false ? ip.matches("a") : true)', 'matches() may', 18],
    ['one in an argument', 'ip.contains(string(ip.matches("a")))', 'matches() may', 20],
    ['one under a negation', '!ip.matches("a")', 'matches() may', 2],
    ['a loop within a loop', '[1].exists(x, [2].exists(y, x == y))', 'loops may not stand within', 15],
    ['what builds lists', '[1].map(x, x + x) == [2]', 'map() may not', 1],
    ['what picks from lists', '[1].filter(x, x > 0) == [1]', 'filter() may not', 1],
    ['what names a value', 'cel.bind(a, ip + ip, a == ip)', 'bind() may not', 1],
    ['what splits text', 'ip.split(".") == []', 'split() may not', 1],
    ['what joins text', '["a"].join() == ip', 'join() may not', 1],
    ['a time', 'timestamp("2026-01-01T00:00:00Z") == timestamp(0)', 'timestamp() may not', 1],
    ['a duration', 'duration("1h") == duration("2h")', 'duration() may not', 1],
    ['a value without a type', 'dyn(ip) == 1', 'dyn() may not', 1],
    ['JSON', 'b"{}".json() == b"{}".json()', 'json() may not', 1],
    ['bytes', 'b"a" == b"a"', 'bytes may not', 1],
    ['a map', '{"a": 1} == {"a": 1}', 'Exceeded maxMapEntries', 2],
    ['a field by its name in a text', 'counters["logins"] > 1', 'maps and [ ] may not', 1],
    ['whether a field is there', 'has(user.id)', 'has() may not', 1],
    ['a type', 'type(ip) == string', 'type() may not', 1],
    ['an unknown name', 'hour > 1 &&\n nope', 'unknown name: nope', 2],
    ['an unknown counter', 'counters.nope > 1', 'No such key: nope', 10],
    ['an unknown field', 'user.nope == ""', 'No such key: nope', 6],
    ['a prototype', 'user.__proto__ == user.constructor', 'No such key: __proto__', 6],
    ['a constructor', 'counters.constructor > 0', 'No such key: constructor', 10],
    ['a fact as a whole', 'user == user', 'user may only be used with a field', 1],
    ['a loop variable named as a fact', '["a"].exists(user, user == "a")', 'is the name of a fact', 14],
    ['a comparison of two types', 'hour == "6"', 'no such overload: int == string', 1],
    ['half a condition', 'hour >', 'Unexpected token: EOF', 7],
    ['a value that is no yes or no', 'hour + 1', 'is of type int, not bool', undefined],
    ['a number beyond 64 bits', 'hour > 9223372036854775808', 'does not fit into 64 bits', 8],
    ['a long text', `ip == "${'a'.repeat(257)}"`, 'at most 256 characters', 7],
    ['a long list', `hour in [${'1,'.repeat(100)}1]`, 'Exceeded maxListElements', 210],
    ['many parts', `${'hour > 1 && '.repeat(130)}true`, 'Exceeded maxAstNodes', 1508],
    ['depth', `${'('.repeat(40)}true${')'.repeat(40)}`, 'Exceeded maxDepth', 33],
    ['depth by fields', `ip${'.size'.repeat(40)}`, 'Exceeded maxDepth', 158],
    ['many negations', `${'!'.repeat(1_900)}true`, 'Exceeded maxAstNodes', 1401],
    ['growing text', `ip${' + ip'.repeat(9)} == ip`, 'at most 8 +', 1],
    ['growing text in a loop', '["a"].exists(x, ip + x == ip)', '+ may not stand within a loop', 17],
    [
      'a long loop',
      `[${'hour,'.repeat(80)}1].all(n, n in [${'1,'.repeat(40)}1])`,
      'steps, more than 2000',
      1,
    ],
    ['a comment', '// nothing', 'Unexpected token: EOF', 11],
  ])('%s', (_, when, message, column) => {
    const refused = compile(when)

    expect(refused).toMatchObject({ message: expect.stringContaining(message) })
    expect('column' in refused ? refused.column : undefined).toBe(column)
  })

  test('with the line of the place', () => {
    expect(compile('hour > 1\n  && nope')).toMatchObject({ line: 2, column: 6 })
  })
})

describe('whatever is taken', () => {
  const name = fc.constantFrom('ip', 'device', 'route', 'user.id', 'x', '"aaaaaaaaaaaaaaaaaaaaaaaaaaaaab"')
  const number = fc.constantFrom('hour', 'user.ageDays', 'counters.logins', '1', 'size(ip)', '-7', '(1 / 0)')
  const { condition } = fc.letrec<{ condition: string; text: string; list: string }>((tie) => ({
    text: fc.oneof(
      { maxDepth: 4 },
      name,
      fc.tuple(tie('text'), tie('text')).map(([a, b]) => `(${a} + ${b})`),
    ),
    list: fc.array(tie('text'), { minLength: 1, maxLength: 60 }).map((items) => `[${items.join(', ')}]`),
    condition: fc.oneof(
      { maxDepth: 5 },
      fc.tuple(number, number).map(([a, b]) => `${a} < ${b}`),
      fc.tuple(tie('text'), tie('text')).map(([a, b]) => `${a}.contains(${b})`),
      fc.tuple(tie('text'), tie('list')).map(([a, b]) => `${a} in ${b}`),
      fc.tuple(tie('list'), tie('condition')).map(([a, b]) => `${a}.all(x, ${b})`),
      fc.tuple(tie('condition'), tie('condition')).map(([a, b]) => `(${a} || ${b})`),
      fc.tuple(tie('condition'), tie('condition')).map(([a, b]) => `!(${a} && ${b})`),
      fc.tuple(tie('text'), tie('text')).map(([a, b]) => `${a}.matches(${b})`),
    ),
  }))

  test('is decided within the steps that a rule may take, or refused', () => {
    let taken = 0

    fc.assert(
      fc.property(condition, (when) => {
        const compiled = compile(when)
        if (!('holds' in compiled)) return
        expect(when).not.toContain('matches')
        taken += 1
        expect(compiled.steps).toBeLessThanOrEqual(MAX_STEPS)
        decided(() => compiled.holds(FACTS))
      }),
      { numRuns: 1_500 },
    )

    expect(taken).toBeGreaterThan(300)
  })

  test('and any text at all, too', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (when) => {
        const compiled = compile(when)

        expect('holds' in compiled || typeof compiled.message === 'string').toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })
})

/** A condition that divides by zero is decided, too. */
function decided(work: () => unknown): void {
  try {
    work()
  } catch {
    // The rule does not hold, and its failure is counted.
  }
}
