import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { generateSecrets } from '#scripts/keys/generate-secrets.ts'

/** The secrets of this machine's local cloud: made once, kept in `file`, which only its owner can read. */
export function localSecrets(file: string): Readonly<Record<string, string>> {
  const kept = existsSync(file) ? defined(parseEnv(readFileSync(file, 'utf8'))) : {}
  const fresh = generateMissing(kept)
  if (Object.keys(fresh).length === 0) return kept
  const all = { ...kept, ...fresh }
  const lines = Object.entries(all).map(([name, value]) => `${name}=${value}\n`)
  writeFileSync(file, `# Made by npm start for this machine alone.\n${lines.join('')}`, { mode: 0o600 })
  return all
}

function generateMissing(kept: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(generateSecrets()).filter(([name]) => kept[name] === undefined))
}

function defined(env: NodeJS.Dict<string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}
