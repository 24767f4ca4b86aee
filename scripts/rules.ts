// npm run rules: the way back in when a published rule has shut everybody out, and a look at what is published.
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { addressesOf } from './dev/addresses.ts'
import { readEnvironment } from './dev/environment.ts'
import { errorText } from './error-text.ts'
import { type RulesCommand, runRules } from './rules/run-rules.ts'

const HELP = `Usage: npm run rules -- <command>

  list              the versions that were published, newest first
  show [<version>]  a version, the one in force unless given, as JSON
  restore <version> publish an old version again
  clear             publish a version without any rules or policies; the built-in ones stand
  undeny            empty the deny list

In force in every function within five seconds, whatever the rules say. DATABASE_URL and REDIS_URL come from the
environment or .env, else from the local cloud that runs (npm start).

  --data-folder <folder>  the local cloud's folder  (.dev)
  --help                  this text`

const root = dirname(import.meta.dirname)

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { 'data-folder': { type: 'string', default: '.dev' }, help: { type: 'boolean' } },
    allowPositionals: true,
  })
  const command = values.help === true ? undefined : readCommand(positionals)
  if (command === undefined) {
    console.log(HELP)
    return values.help === true ? 0 : 1
  }
  const env = readEnvironment(process.env, join(root, '.env'))
  const local = addressesOf(resolve(root, values['data-folder']))
  const databaseUrl = env['DATABASE_URL'] ?? local?.databaseUrl
  const redisUrl = env['DATABASE_URL'] === undefined ? local?.redisUrl : env['REDIS_URL']
  if (databaseUrl === undefined)
    throw new TypeError('Cannot find the database: set DATABASE_URL, or start the local cloud with npm start')
  await runRules(command, { databaseUrl, redisUrl, print: (text) => console.log(text) })
  return 0
}

function readCommand([name, version]: readonly string[]): RulesCommand | undefined {
  if (name === 'list' || name === 'clear' || name === 'undeny') return { name }
  if (name === 'show' && version === undefined) return { name }
  const isVersion = /^[1-9]\d{0,8}$/.test(version ?? '')
  return (name === 'show' || name === 'restore') && isVersion ? { name, version: Number(version) } : undefined
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    console.error(errorText(error))
    process.exitCode = 1
  },
)
