// npm run keys: makes, shows and rotates the secrets of a deployment.
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs, parseEnv } from 'node:util'
import { generateSecrets } from './keys/generate-secrets.ts'
import { describeSecret, ROTATABLE, type Rotatable, rotateSecret } from './keys/rotate-secrets.ts'

const HELP = `Usage: npm run keys [-- command] [options]

  (no command)             print a fresh set of secrets, as lines for an .env file or a cloud's settings
  rotate token|data|signing   print the setting after one rotation
  show                     list key ids and states, nothing secret

  --file PATH              the .env file to read the present values from (default .env; process environment wins)
  --write                  write the rotated value back into that file

Rotating token keys: deploy the new TOKEN_KEYS to every function, wait 15 minutes, rotate again when due. Each step is
safe by itself: functions with the old value and with the new one accept each other's tokens. Data and signing keys:
the new key comes first and is used for what is new; drop an old one only when nothing sealed with it is left.`

const WHICH = Object.keys(ROTATABLE) as readonly Rotatable[] // keys of the literal table

try {
  main()
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      file: { type: 'string', default: '.env' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const [command, name] = positionals
  if (values.help) console.log(HELP)
  else if (command === undefined) console.log(toLines(generateSecrets()))
  else if (command === 'show') show(values.file)
  else if (command === 'rotate') rotate(name, values.file, values.write)
  else throw new TypeError(`Unknown command: ${command}. See: npm run keys -- --help`)
}

function show(file: string): void {
  for (const which of WHICH) {
    console.log(ROTATABLE[which])
    for (const line of describeSecret(which, present(which, file))) console.log(`  ${line}`)
  }
}

function rotate(name: string | undefined, file: string, write: boolean): void {
  const which = WHICH.find((known) => known === name)
  if (which === undefined) throw new TypeError(`Say what to rotate: ${WHICH.join(', ')}`)
  const setting = ROTATABLE[which]
  const value = rotateSecret(which, present(which, file))
  if (!write) return console.log(toLines({ [setting]: value }))
  const lines = readFileSync(file, 'utf8').split('\n')
  const rest = lines.filter((line) => !line.startsWith(`${setting}=`) && line !== '')
  writeFileSync(file, `${[...rest, `${setting}=${value}`].join('\n')}\n`, { mode: 0o600 })
  console.log(`Rotated ${setting} in ${file}:`)
  for (const line of describeSecret(which, value)) console.log(`  ${line}`)
}

function present(which: Rotatable, file: string): string {
  const setting = ROTATABLE[which]
  const value = process.env[setting] ?? readFile(file)[setting]
  if (value === undefined)
    throw new TypeError(`Cannot find ${setting}: it is neither in the environment nor in ${file}`)
  return value
}

function readFile(file: string): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(file, 'utf8'))
  } catch {
    return {} // no file: the environment alone then has to name the settings
  }
}

function toLines(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key}=${value}`)
    .join('\n')
}
