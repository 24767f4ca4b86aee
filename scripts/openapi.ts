// npm run openapi: writes docs/openapi.json from the routes; --check only compares and fails on a difference.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describedFunctions } from './openapi/described-functions.ts'
import { openapiDocument } from './openapi/openapi-document.ts'

const root = join(import.meta.dirname, '..')
const file = join(root, 'docs', 'openapi.json')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const text = `${JSON.stringify(openapiDocument(describedFunctions(), String(version)), null, 2)}\n`

if (!process.argv.includes('--check')) {
  writeFileSync(file, text)
  console.log('Wrote docs/openapi.json')
} else if (readFileSync(file, 'utf8') !== text) {
  console.error('docs/openapi.json does not match the routes. Run: npm run openapi')
  process.exitCode = 1
}
