// npm run keys: makes, shows and rotates the secrets of a deployment.
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { parseArgs, parseEnv } from 'node:util'
import { systemClock } from '#shared/clock.ts'
import { errorText } from './error-text.ts'
import { generateSecrets } from './keys/generate-secrets.ts'
import {
  describeSecret,
  ROTATABLE,
  type Rotatable,
  rotatePartner,
  rotateSecret,
} from './keys/rotate-secrets.ts'
import { wechatPayKeys } from './keys/wechat-pay-keys.ts'

const HELP = `Usage: npm run keys [-- command] [options]

  (no command)             print a fresh set of secrets, as lines for an .env file or a cloud's settings
  rotate token|data|signing   print the setting after one rotation
  rotate partner NAME      the same for the keys of one partner; a new partner gets its first key
  wechat-pay               print WECHAT_PAY_PLATFORM_KEYS with the certificates that WeChat Pay uses now
  show                     list key ids and states, nothing secret

  --file PATH              the .env file to read the present values from (default .env; process environment wins)
  --write                  write the rotated value back into that file

Every setting holds the key in use and the next one, which every function knows before it is used: so instances with the
value of before and of after a rotation read each other's work. After each rotation deploy the value to every function and
wait 15 minutes, the longest life of a token, before the next one. Old data keys are kept: drop one by hand only when
nothing sealed with it is left. A partner's two keys both count: hand over the new one, and rotate again only when the
partner uses it, which ends the older one.`

const TIMEOUT_MS = 10_000
const WHICH = Object.keys(ROTATABLE) as readonly Rotatable[] // keys of the literal table

try {
  await main()
} catch (error) {
  console.error(errorText(error))
  process.exitCode = 1
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      file: { type: 'string', default: '.env' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const [command, ...names] = positionals
  if (values.help) console.log(HELP)
  else if (command === undefined) console.log(toLines(generateSecrets()))
  else if (command === 'show') show(values.file)
  else if (command === 'wechat-pay') await wechatPay(values.file)
  else if (command === 'rotate') rotate(names, values.file, values.write)
  else throw new TypeError(`Unknown command: ${command}. See: npm run keys -- --help`)
}

function show(file: string): void {
  for (const which of WHICH) {
    console.log(ROTATABLE[which])
    const value = which === 'partner' ? (find(which, file) ?? '') : present(which, file)
    for (const line of describeSecret(which, value)) console.log(`  ${line}`)
  }
}

async function wechatPay(file: string): Promise<void> {
  const env = { ...readFile(file), ...process.env }
  const value = await wechatPayKeys(env, systemClock, AbortSignal.timeout(TIMEOUT_MS))
  console.log(toLines({ WECHAT_PAY_PLATFORM_KEYS: value }))
}

function rotate(names: readonly string[], file: string, write: boolean): void {
  const which = WHICH.find((known) => known === names[0])
  if (which === undefined) throw new TypeError(`Say what to rotate: ${WHICH.join(', ')}`)
  const setting = ROTATABLE[which]
  const value = which === 'partner' ? rotated(names[1], file) : rotateSecret(which, present(which, file))
  if (!write) return console.log(toLines({ [setting]: value }))
  const lines = readFileSync(file, 'utf8').split('\n')
  const rest = lines.filter((line) => !line.startsWith(`${setting}=`) && line !== '')
  const fresh = `${file}.new` // renamed over the old one, so that no moment is without secrets
  writeFileSync(fresh, `${[...rest, `${setting}=${value}`].join('\n')}\n`, { mode: 0o600 })
  renameSync(fresh, file)
  console.log(`Rotated ${setting} in ${file}:`)
  for (const line of describeSecret(which, value)) console.log(`  ${line}`)
  console.log('Deploy it to every function, and wait 15 minutes before the next rotation.')
}

function rotated(partner: string | undefined, file: string): string {
  if (partner === undefined)
    throw new TypeError('Say whose key to rotate: npm run keys -- rotate partner NAME')
  return rotatePartner(partner, find('partner', file) ?? '')
}

function present(which: Rotatable, file: string): string {
  const value = find(which, file)
  if (value === undefined)
    throw new TypeError(`Cannot find ${ROTATABLE[which]}: it is neither in the environment nor in ${file}`)
  return value
}

function find(which: Rotatable, file: string): string | undefined {
  return process.env[ROTATABLE[which]] ?? readFile(file)[ROTATABLE[which]]
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
