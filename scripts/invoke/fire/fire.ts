import { parseArgs, type ParseArgsConfig } from 'node:util'
import type { Addresses } from '#scripts/dev/addresses.ts'
import type { Fired, FireOption, Firing, Given, Thing } from './thing.ts'
import { THINGS } from './things.ts'

export interface FireSurroundings {
  /** Where the parts of the local cloud are that runs on a data folder. */
  readonly runningOn: (folder: string) => Addresses | undefined
  /** Takes a line about what came of it. */
  readonly out: (line: string) => void
  /** Takes a line about how far it is. */
  readonly note: (line: string) => void
}

const MAX_TIMES = 10_000
/** At a time; more would wait in this machine's sockets. */
const AT_ONCE = 100

const COMMON: Readonly<Record<string, FireOption>> = {
  duplicate: { type: 'string', default: '1', about: 'how often the very same, all at once' },
  'data-folder': { type: 'string', default: '.dev', about: 'where the local cloud keeps its data' },
  'no-fail': { type: 'boolean', default: false, about: 'exit with 0 whatever was answered' },
  help: { type: 'boolean', short: 'h', default: false, about: 'this' },
}

/**
 * npm run invoke -- fire <thing> [options]; resolves with the exit code: 0, or 1 when anything was answered with 400 or above,
 * or not at all.
 *
 * @throws Error in plain words when nothing was fired
 */
export async function fire(
  [name, ...args]: readonly string[],
  { runningOn, ...surroundings }: FireSurroundings,
): Promise<number> {
  const thing = name !== undefined && Object.hasOwn(THINGS, name) ? THINGS[name] : undefined
  if (thing === undefined) {
    if (name !== undefined && name !== '--help' && name !== '-h')
      throw new TypeError(`Nothing called ${name} can be fired, only ${Object.keys(THINGS).join(', ')}`)
    surroundings.out(allHelp())
    return 0
  }
  const given = readGiven(thing, args)
  if (given['help'] === true) {
    surroundings.out(helpOf(name ?? '', thing))
    return 0
  }
  const times = readTimes(given['duplicate'])
  const cloud = runningOn(String(given['data-folder']))
  if (cloud === undefined)
    throw new Error('No local cloud runs here. Start it in another terminal: npm start')
  let failed = false
  for (const firing of await thing.prepare(given, cloud))
    failed = (await fireTimes(firing, times, surroundings)) || failed
  return failed && given['no-fail'] !== true ? 1 : 0
}

function readGiven({ options }: Thing, args: readonly string[]): Given {
  // parseArgs passes over `about`.
  const config = { ...options, ...COMMON } as NonNullable<ParseArgsConfig['options']>
  return parseArgs({ args: [...args], options: config }).values
}

function readTimes(text: unknown): number {
  const times = Number(text)
  if (!/^\d+$/.test(String(text)) || times < 1 || times > MAX_TIMES)
    throw new TypeError(`--duplicate must be a whole number from 1 to ${MAX_TIMES}`)
  return times
}

/** Whether any of them failed. */
async function fireTimes(
  firing: Firing,
  times: number,
  { out, note }: Pick<FireSurroundings, 'out' | 'note'>,
): Promise<boolean> {
  const startedAt = performance.now()
  const answers: Fired[] = []
  let begun = 0
  const worker = async () => {
    while (begun < times) {
      begun += 1
      answers.push(await firing.fire())
      if (times > AT_ONCE && answers.length % AT_ONCE === 0) note(`${answers.length} of ${times}`)
    }
  }
  await Promise.all(Array.from({ length: Math.min(times, AT_ONCE) }, worker))
  const took = `${Math.round(performance.now() - startedAt)} ms`
  if (times > 1) out(`${firing.about}: ${times} times at once, ${took}`)
  for (const [answer, count] of counted(answers))
    out(times > 1 ? `  ${count} × ${answer}` : `${firing.about}: ${answer}, ${took}`)
  return answers.some(({ status }) => status < 200 || status >= 400)
}

/** Distinct answers with how often each came, the most frequent first. */
function counted(answers: readonly Fired[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>()
  for (const { status, said } of answers) {
    const line = `${status === 0 ? 'no answer:' : status} ${said}`.trim().slice(0, 200)
    counts.set(line, (counts.get(line) ?? 0) + 1)
  }
  return [...counts].toSorted(([, a], [, b]) => b - a)
}

function allHelp(): string {
  const lines = Object.entries(THINGS).map(([name, { about }]) => `  ${name.padEnd(24)} ${about}`)
  return [
    'Usage: npm run invoke -- fire <thing> [options]',
    '',
    'Has something happen that the backend is told of from outside. <thing> is one of:',
    '',
    ...lines,
    '',
    'npm run invoke -- fire <thing> --help lists its options.',
  ].join('\n')
}

function helpOf(name: string, { about, options }: Thing): string {
  const lines = Object.entries({ ...options, ...COMMON }).map(([option, { about, default: usual }]) => {
    const usually = typeof usual === 'string' && usual !== '' ? `   (${usual})` : ''
    return `  --${option.padEnd(18)} ${about}${usually}`
  })
  return [`Usage: npm run invoke -- fire ${name} [options]`, '', `${about}.`, '', ...lines].join('\n')
}
