import { parseArgs } from 'node:util'
import type { Target } from './access.ts'

export const COMMANDS = ['deploy', 'plan', 'rollback', 'logs', 'invoke', 'remove'] as const
export type Command = (typeof COMMANDS)[number]

export interface DeployOptions {
  readonly target: Target
  readonly command: Command
  /** Functions by name; all of them when empty. */
  readonly names: readonly string[]
  readonly local: boolean
  readonly folder: string
  /** `{name}` stands for the function's name, `{tag}` for the tag. */
  readonly image: string | undefined
  readonly tag: string | undefined
  readonly prefix: string
  readonly canary: readonly number[]
  readonly watchMs: number
  readonly maxErrors: number
  readonly probe: string
  readonly to: string | undefined
  readonly event: string | undefined
  readonly force: boolean
  readonly yes: boolean
  readonly migrate: boolean
}

export const HELP = `Usage: npm run deploy -- <fc|scf> [command] [functions] [options]

  (no command)      deploy: update, wait until active, publish a version, try it at a URL of its own,
                    move the alias "live" to it by the canary's steps, and take it back when it fails
  plan              what a deploy would do; without an account only what is desired
  rollback          lead callers to the version before, at once (--to <version>)
  logs              the last lines of each function (SCF)
  invoke            send an event function the event of its timer, or --event <json>
  remove            take the functions away, with their versions, aliases and triggers (--yes)

All functions unless some are named; several are deployed at the same time.

  --local               the control plane of the local cloud (npm start), in place of an account
  --image <reference>   the images; {name} and {tag} are filled in     (DEPLOY_IMAGE)
  --tag <tag>           their tag                                      (the commit)
  --prefix <text>       what the functions' names begin with           (xiaohan-)
  --plan                the same as the command plan
  --canary <percents>   such as 10,50,100                              (100)
  --watch <seconds>     how long each step is watched                  (10)
  --max-errors <share>  percent of failed calls that is too much       (1)
  --probe <path>        what is asked for while watching               (/health/readiness)
  --force               a new version even where nothing has changed
  --no-migrate          leave the database at DATABASE_URL as it is
  --data-folder <dir>   the local cloud's folder                       (.dev)
  --help                this text

Settings come from the environment, then .env. What a function has on the cloud besides is left alone.
FC:  ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET, ALIBABA_CLOUD_ACCOUNT_ID, ALIBABA_CLOUD_REGION_ID
SCF: TENCENTCLOUD_SECRET_ID, TENCENTCLOUD_SECRET_KEY, TENCENTCLOUD_REGION`

/** @throws TypeError that says what is wrong */
export function readDeployOptions(args: readonly string[]): DeployOptions | 'help' {
  const { values, positionals } = parse(args)
  if (values.help || args.length === 0) return 'help'
  const [target = '', second, ...rest] = positionals
  if (target !== 'fc' && target !== 'scf')
    throw new TypeError(`Say where to: fc or scf, not ${target || 'nothing'}. See --help`)
  const named = COMMANDS.find((command) => command === second)
  const command = values.plan ? 'plan' : (named ?? 'deploy')
  return {
    target,
    command,
    names: named === undefined && second !== undefined ? [second, ...rest] : rest,
    local: values.local,
    folder: values['data-folder'],
    image: values.image,
    tag: values.tag,
    prefix: readPrefix(values.prefix),
    canary: readSteps(values.canary),
    watchMs: readNumber('--watch', values.watch, 3_600) * 1_000,
    maxErrors: readNumber('--max-errors', values['max-errors'], 100) / 100,
    probe: values.probe,
    to: values.to,
    event: values.event,
    force: values.force,
    yes: values.yes,
    migrate: !values['no-migrate'],
  }
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      local: { type: 'boolean', default: false },
      image: { type: 'string' },
      tag: { type: 'string' },
      prefix: { type: 'string', default: 'xiaohan-' },
      plan: { type: 'boolean', default: false },
      canary: { type: 'string', default: '100' },
      watch: { type: 'string', default: '10' },
      'max-errors': { type: 'string', default: '1' },
      probe: { type: 'string', default: '/health/readiness' },
      to: { type: 'string' },
      event: { type: 'string' },
      force: { type: 'boolean', default: false },
      yes: { type: 'boolean', default: false },
      'no-migrate': { type: 'boolean', default: false },
      'data-folder': { type: 'string', default: '.dev' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
}

function readSteps(text: string): readonly number[] {
  const steps = text.split(',').map(Number)
  const isRising = steps.every((step, at) => step > (steps[at - 1] ?? 0) && step <= 100)
  if (!isRising || steps.at(-1) !== 100)
    throw new TypeError(`--canary must be rising percents up to 100, such as 10,50,100, not ${text}`)
  return steps
}

function readNumber(name: string, text: string, most: number): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0 && value <= most))
    throw new TypeError(`${name} must be a number from 0 to ${most}, not ${text}`)
  return value
}

/** @see the names that both clouds take */
function readPrefix(text: string): string {
  if (!/^[a-zA-Z][\w-]{0,30}$/.test(text))
    throw new TypeError(`--prefix must be at most 31 letters, digits, - and _, a letter first, not ${text}`)
  return text
}
