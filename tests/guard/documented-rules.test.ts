import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MAX_STEPS } from '#shared/risk/check-condition.ts'
import { checkSet, MAX_SET_BYTES } from '#shared/risk/check-set.ts'
import { MAX_SET_STEPS } from '#shared/risk/compile-set.ts'
import { FACT_TYPES } from '#shared/risk/facts.ts'
import { MAX_DENIED } from '#shared/risk/load-published.ts'
import { MAX_COUNTERS, MAX_RULES, MAX_WHEN_CHARS } from '#shared/risk/rule-set.ts'
import { type Backend, type SignedIn, startBackend } from '#tests/backend.ts'
import type { TestAnswer } from '#tests/invocation.ts'
import { root } from '#tests/runtime/executables.ts'

const page = readFileSync(join(root, 'docs', 'rules.md'), 'utf8')

interface Example {
  readonly method: string
  readonly path: string
  readonly status: number
  readonly body: string
  /** What the page says that it answers. */
  readonly answer: object
}

const SENT =
  /^<!-- (\w+) (\S+) (\d+) -->\n```json\n([^]*?)^```\n(?:\n<!-- answers -->\n```json\n([^]*?)^```\n)?/gm

function examples(): readonly Example[] {
  return [...page.matchAll(SENT)].map(([, method = '', path = '', status, body = '', answer = '{}']) => {
    return { method, path, status: Number(status), body, answer: JSON.parse(answer) as object }
  })
}

/** Rows of the table under this heading line, cells as they read, without the heading itself. */
function table(heading: string): readonly (readonly string[])[] {
  const [, rest] = page.split(`\n| ${heading} |`)
  if (rest === undefined) throw new Error(`docs/rules.md has no table ${heading}`)
  const [rows = ''] = rest.split('\n\n')
  return rows
    .split('\n')
    .slice(2)
    .map((row) => row.slice(2, -2).split(' | '))
}

/** The texts in backticks. */
function code(cell = ''): readonly string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text.replaceAll('\\|', '|'))
}

function problemsOf(when: string) {
  const counters = ['calls', 'loginsPerDevice'].map((name) => ({ name, by: ['device'], windowS: 60 }))
  return checkSet({ rules: [{ id: 'documented', priority: 0, when, action: 'deny' }], counters })
}

describe('docs/rules.md', () => {
  let backend: Backend
  let admin: SignedIn
  beforeAll(async () => {
    backend = await startBackend({ admins: ['boss'] })
    admin = await backend.signIn('boss')
  })
  afterAll(() => backend.close())

  function send({ method, path, body }: Example): Promise<TestAnswer> {
    return backend.call(path, { method, token: admin.accessToken, body })
  }

  test('its examples, sent in order, are answered as it says', async () => {
    for (const example of examples()) {
      const { status, body } = await send(example)
      expect({ status, body }).toMatchObject({ status: example.status, body: example.answer })
    }

    expect(page.match(/^```json$/gm)).toHaveLength(
      examples().length + (page.match(/^<!-- answers -->$/gm)?.length ?? 0),
    )
    expect(examples().length).toBeGreaterThan(10)
  })

  test('the export it closes to new accounts is closed to them, with the reason it names', async () => {
    const rules = examples().find(({ body }) => body.includes('"account_too_new"'))
    if (rules === undefined) throw new Error('docs/rules.md no longer has its first rule')
    const alice = await backend.signIn('alice')
    const { baseVersion: _, ...anew } = JSON.parse(rules.body) as Record<string, unknown>
    await send({ ...rules, body: JSON.stringify(anew) })
    backend.advance(5_000)

    const { status, body } = await backend.call('/user/export', { token: alice.accessToken })

    expect([status, body.details]).toEqual([403, [{ reason: 'account_too_new' }]])
  })
})

describe('the tables of docs/rules.md', () => {
  test('have every fact with its type', () => {
    const facts = Object.entries(FACT_TYPES).flatMap(([name, type]): (readonly [string, string])[] =>
      typeof type === 'string'
        ? [[name, type]]
        : Object.entries(type).map(([field, inner]) => [`${name}.${field}`, inner]),
    )
    const documented = table('Fact | Type | Is | Where it is not known').map(
      ([name, type]) => [code(name)[0], type] as const,
    )

    expect(new Map(documented)).toEqual(new Map([...facts, ['counters.<name>', 'int']]))
  })

  const allowed = table('Allowed | For instance').flatMap(([, samples]) => code(samples))
  test.each(allowed)('allow %s, and so does the check', async (when) => {
    expect(await problemsOf(when)).not.toHaveProperty('problems')
  })

  const refused = table('Refused | Says | Since').map(([when, says]) => [
    code(when)[0] ?? '',
    code(says)[0] ?? '',
  ])
  test.each(refused)('refuse %s, and so does the check', async (when, says) => {
    expect(says).not.toBe('')
    expect(await problemsOf(when)).toMatchObject({ problems: [{ message: expect.stringContaining(says) }] })
  })

  test('have examples enough to mean something', () => {
    expect(allowed.length).toBeGreaterThan(9)
    expect(refused.length).toBeGreaterThan(8)
  })

  test.each([
    [`| \`rules\` | conditions, and what follows when they hold | ${MAX_RULES} |`],
    [`| ${MAX_COUNTERS} |\n| \`cases\``],
    [`up to ${MAX_WHEN_CHARS.toLocaleString('en')} characters`],
    [`take ${MAX_STEPS.toLocaleString('en')}, a set ${MAX_SET_STEPS.toLocaleString('en')}`],
    [`at most ${MAX_SET_BYTES / 1024} KB`],
    [`most ${MAX_DENIED.toLocaleString('en')} live entries`],
  ])('name the limit %j as it is in force', (text) => {
    expect(page).toContain(text)
  })
})
