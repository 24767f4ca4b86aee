import { parseArgs } from 'node:util'

export const HELP = `npm start [-- options]

Runs the whole backend on this machine: PostgreSQL, Redis where there is one, stand-ins of WeChat, WeChat Pay, a shop
and a partner, and every function behind a gateway, each function as a process of its own as a cloud would run it.
Saving a file is enough to see it.

  --port <n>               where the API listens, on 127.0.0.1           (9000)
  --as fc|scf              whose contract to run functions under         (fc)
  --runtime bun|node       what runs them                                (bun)
  --idle <seconds>         an instance idle for this long ends           (300)
  --max-instances <n>      at most this many of one function             (10)
  --start-timeout <s>      how long a process may take to listen         (the cloud's own limit)
  --data-folder <folder>   where data and secrets are kept               (.dev)
  --fresh                  forget all data and secrets first
  --json                   print the functions' log lines as they are
  --help                   this text

Settings come from the environment, then from .env. DATABASE_URL and REDIS_URL replace the embedded servers;
WECHAT_APP_ID with WECHAT_APP_SECRET replace the WeChat stand-in by the real one. PAYMENT_PARTNER=local has orders paid
at the partner's stand-in in place of WeChat Pay's.`

export interface DevOptions {
  readonly port: number
  readonly as: 'fc' | 'scf'
  readonly runtime: 'bun' | 'node'
  readonly idleMs: number
  readonly maxInstances: number
  /** Overrides the cloud's own limit. */
  readonly startMs: number | undefined
  /** Folder for data and secrets, relative to the project. */
  readonly dataFolder: string
  readonly fresh: boolean
  readonly json: boolean
}

/** The command line's options; `help` when they were asked for. @throws TypeError that says which option is wrong */
export function readOptions(args: readonly string[]): DevOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string', default: '9000' },
      as: { type: 'string', default: 'fc' },
      runtime: { type: 'string', default: 'bun' },
      idle: { type: 'string', default: '300' },
      'max-instances': { type: 'string', default: '10' },
      'start-timeout': { type: 'string' },
      'data-folder': { type: 'string', default: '.dev' },
      fresh: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  const startS = values['start-timeout']
  return {
    port: whole('--port', values.port, 0, 65_535),
    as: oneOf('--as', values.as, ['fc', 'scf']),
    runtime: oneOf('--runtime', values.runtime, ['bun', 'node']),
    idleMs: whole('--idle', values.idle, 1, 86_400) * 1_000,
    maxInstances: whole('--max-instances', values['max-instances'], 1, 100),
    startMs: startS === undefined ? undefined : whole('--start-timeout', startS, 1, 600) * 1_000,
    dataFolder: values['data-folder'],
    fresh: values.fresh,
    json: values.json,
  }
}

function whole(option: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new TypeError(`${option} must be a whole number from ${min} to ${max}`)
  }
  return value
}

function oneOf<const T extends string>(option: string, text: string, values: readonly T[]): T {
  const found = values.find((value) => value === text)
  if (found === undefined) throw new TypeError(`${option} must be one of ${values.join(', ')}`)
  return found
}
