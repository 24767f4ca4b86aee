import { FUNCTIONS, type FunctionSpec } from '#scripts/functions.ts'
import { settingNames } from './setting-names.ts'

/** What one function should be on either cloud; the rest of the deploy tool turns it into the cloud's own words. */
export interface DesiredFunction {
  readonly name: string
  /** Its name on the platform. */
  readonly platformName: string
  /** Web functions take requests at a URL, event functions only what a timer sends. */
  readonly kind: 'web' | 'event'
  readonly image: string
  readonly port: number
  readonly memoryMb: number
  readonly cpu: number
  readonly timeoutS: number
  /** Calls that one instance takes at a time. */
  readonly concurrency: number
  /** The settings that this tool has values for; others on the platform are not its own. */
  readonly environment: Readonly<Record<string, string>>
  /** Names of all settings that its code reads. */
  readonly settings: readonly string[]
  readonly paths: readonly string[]
  readonly timer?: { readonly name: string; readonly everyS: number }
}

export interface DesiredOptions {
  readonly root: string
  /** Names of the wanted functions; all of them when empty. */
  readonly names?: readonly string[]
  readonly prefix: string
  readonly image: (name: string) => string
  /** Where values of settings come from. */
  readonly env: Readonly<Record<string, string>>
}

export const PORT = 9_000

/**
 * Every function of the table with its settings.
 *
 * @throws TypeError for a name that is none of them.
 */
export async function desiredFunctions(options: DesiredOptions): Promise<readonly DesiredFunction[]> {
  const { names = [] } = options
  const unknown = names.find((name) => !FUNCTIONS.some((spec) => spec.name === name))
  if (unknown !== undefined)
    throw new TypeError(
      `There is no function ${unknown}, only ${FUNCTIONS.map(({ name }) => name).join(', ')}`,
    )
  const wanted = FUNCTIONS.filter(({ name }) => names.length === 0 || names.includes(name))
  return Promise.all(wanted.map((spec) => desired(spec, options)))
}

async function desired(
  spec: FunctionSpec,
  { root, prefix, image, env }: DesiredOptions,
): Promise<DesiredFunction> {
  const settings = await settingNames(root, spec.name)
  const given = settings.flatMap((name) => {
    const value = env[name]
    return value === undefined || value === '' ? [] : [[name, value] as const]
  })
  return {
    name: spec.name,
    platformName: `${prefix}${spec.name}`,
    kind: spec.paths.length === 0 ? 'event' : 'web',
    image: image(spec.name),
    port: PORT,
    memoryMb: spec.memoryMb,
    // FC wants between one and four GB to a core.
    cpu: Math.max(0.05, Math.round((spec.memoryMb / 1_024 / 2) * 20) / 20),
    timeoutS: spec.timeoutS,
    concurrency: spec.concurrency,
    environment: Object.fromEntries(given),
    settings,
    paths: spec.paths,
    ...(spec.timer === undefined ? {} : { timer: spec.timer }),
  }
}
