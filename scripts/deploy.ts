// npm run deploy: brings the functions to a cloud, or to the local one, and back.
import { execFileSync } from 'node:child_process'
import { dirname, join, resolve } from 'node:path'
import { cloudAccess, localAccess } from './deploy/access.ts'
import type { DeployCloud } from './deploy/cloud.ts'
import { type DesiredFunction, desiredFunctions } from './deploy/desired-state.ts'
import { type DeployOptions, HELP, readDeployOptions } from './deploy/options.ts'
import { planLines, stateLines } from './deploy/plan.ts'
import { rollBack } from './deploy/roll-back.ts'
import { rollOut } from './deploy/roll-out.ts'
import { type Addresses, addressesOf } from './dev/addresses.ts'
import { readEnvironment } from './dev/environment.ts'
import { errorText } from './error-text.ts'
import { migrate } from './migrate.ts'

const root = dirname(import.meta.dirname)
const LOCAL_IMAGE = 'registry.local/xiaohan/{name}:{tag}'

/** What all commands work on. */
interface Work {
  readonly options: DeployOptions
  readonly wanted: readonly DesiredFunction[]
  readonly env: Readonly<Record<string, string>>
  readonly addresses: Addresses | undefined
}

const COMMANDS: Readonly<Record<DeployOptions['command'], (work: Work) => Promise<boolean>>> = {
  deploy,
  plan,
  rollback: ({ options, ...work }) =>
    each({ options, ...work }, (cloud, it) => rollBack(it, { cloud, to: options.to, say })),
  logs: (work) =>
    each(work, async (cloud, { name, platformName }) => {
      for (const line of await cloud.logs(platformName)) say(name, line)
    }),
  invoke: ({ options, ...work }) =>
    each({ options, ...work }, async (cloud, { name, platformName, kind }) => {
      if (kind === 'web')
        throw new Error('takes requests at its URL and no events; invoke is for event functions')
      const { ok, body, log } = await cloud.invoke(platformName, 'live', options.event ?? cloud.timerEvent)
      say(name, `${ok ? 'answered' : 'failed'}: ${body}`)
      for (const line of log.trimEnd().split('\n')) say(name, line)
      if (!ok) throw new Error('the event failed')
    }),
  remove: ({ options, ...work }) => {
    if (!options.yes)
      throw new TypeError(
        'This takes functions away, with everything that leads to them. Say --yes to mean it',
      )
    return each({ options, ...work }, async (cloud, { name, platformName }) => {
      await cloud.remove(platformName)
      say(name, `${platformName} is gone`)
    })
  },
}

async function main(): Promise<boolean> {
  const options = readDeployOptions(process.argv.slice(2))
  if (options === 'help') {
    console.log(HELP)
    return process.argv.length > 2
  }
  const env = readEnvironment(process.env, join(root, '.env'))
  const addresses = options.local ? addressesOf(resolve(root, options.folder)) : undefined
  const tag = options.tag ?? commit()
  const pattern = options.image ?? env['DEPLOY_IMAGE'] ?? LOCAL_IMAGE
  if (pattern === LOCAL_IMAGE && !options.local && options.command === 'deploy')
    throw new TypeError(
      'Say where the images are: --image registry.example.com/shop/{name}:{tag}, or DEPLOY_IMAGE',
    )
  const wanted = await desiredFunctions({
    root,
    names: options.names,
    prefix: options.prefix,
    image: (name) => pattern.replaceAll('{name}', name).replaceAll('{tag}', tag),
    env: options.local ? { ...addresses?.settings } : env,
  })
  return COMMANDS[options.command]({ options, wanted, env, addresses })
}

async function deploy(work: Work): Promise<boolean> {
  const { options, env, wanted } = work
  const cloud = await connect(work)
  const url = env['DATABASE_URL']
  if (options.migrate && !options.local && url !== undefined)
    await migrate({ url: new URL(url), log: console.log })
  const outcomes = await Promise.all(
    wanted.map((desired) =>
      rollOut(desired, { ...options, cloud, say }).catch((error: unknown) => {
        say(desired.name, errorText(error))
        return { name: desired.name, ok: false, version: '', url: undefined }
      }),
    ),
  )
  console.log('')
  for (const { name, ok, version, url: at } of outcomes)
    console.log(
      `${name.padEnd(12)} ${ok ? 'deployed' : 'NOT DEPLOYED'}  ${version === '' ? 'nothing is live' : `version ${version} is live`}  ${at ?? ''}`.trimEnd(),
    )
  return outcomes.every(({ ok }) => ok)
}

async function plan({ wanted, ...work }: Work): Promise<boolean> {
  const cloud = await connect({ wanted, ...work }).catch((error: unknown) => {
    console.log(`${errorText(error)}\nWithout it, this is what is desired:\n`)
    return undefined
  })
  for (const desired of wanted) {
    if (cloud === undefined) console.log([desired.platformName, ...stateLines(desired)].join('\n'))
    else console.log(planLines(desired, await cloud.find(desired.platformName)).join('\n'))
  }
  return true
}

/** Does something to every function at the same time; a failure of one is told and does not stop the others. */
async function each(
  work: Work,
  act: (cloud: DeployCloud, desired: DesiredFunction) => Promise<void>,
): Promise<boolean> {
  const cloud = await connect(work)
  const done = await Promise.all(
    work.wanted.map((desired) =>
      act(cloud, desired).then(
        () => true,
        (error: unknown) => {
          say(desired.name, errorText(error))
          return false
        },
      ),
    ),
  )
  return done.every(Boolean)
}

async function connect({ options: { target, local }, env, addresses }: Work): Promise<DeployCloud> {
  const access = local ? localAccess(target, addresses) : cloudAccess(target, env)
  // The SDKs are heavy: only the one at hand is loaded.
  if (target === 'fc') return (await import('./deploy/fc-cloud.ts')).fcCloud(access)
  return (await import('./deploy/scf-cloud.ts')).scfCloud(access)
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], { cwd: root, stdio: 'pipe' })
      .toString()
      .trim()
  } catch {
    return 'latest' // sources without their history
  }
}

function say(name: string, text: string): void {
  console.log(`${name.padEnd(12)} ${text}`)
}

main().then(
  (ok) => (process.exitCode = ok ? 0 : 1),
  (error: unknown) => {
    console.error(errorText(error))
    process.exitCode = 1
  },
)
