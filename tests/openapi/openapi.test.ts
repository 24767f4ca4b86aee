import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { FUNCTIONS } from '#scripts/functions.ts'
import { describedFunctions } from '#scripts/openapi/described-functions.ts'
import { openapiDocument } from '#scripts/openapi/openapi-document.ts'

const root = join(import.meta.dirname, '..', '..')
const { version }: { version: string } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const kept = readFileSync(join(root, 'docs', 'openapi.json'), 'utf8')

describe('docs/openapi.json', () => {
  test('says what the routes say (npm run openapi writes it anew)', () => {
    expect(JSON.parse(kept)).toEqual(
      JSON.parse(JSON.stringify(openapiDocument(describedFunctions(), version))),
    )
  })

  test('is OpenAPI 3.1 with an operation id of its own for each route', () => {
    const document: { openapi: string; paths: Record<string, Record<string, { operationId: string }>> } =
      JSON.parse(kept)

    const ids = Object.values(document.paths).flatMap((path) =>
      Object.values(path).map(({ operationId }) => operationId),
    )

    expect(document.openapi).toBe('3.1.0')
    expect(ids.length).toBeGreaterThan(15)
    expect(new Set(ids).size).toBe(ids.length)
  })

  test.each(describedFunctions().map(({ name, routes }) => [name, routes] as const))(
    'every route of %s is under a path that leads to the function',
    (name, routes) => {
      const paths = FUNCTIONS.find((spec) => spec.name === name)?.paths ?? []

      const lost = routes.filter(
        ({ path }) => !paths.some((prefix) => path === prefix || path.startsWith(`${prefix}/`)),
      )

      expect(lost.map(({ path }) => path)).toEqual([])
    },
  )
})
