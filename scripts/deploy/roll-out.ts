import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type DeployCloud, LIVE, type Pointed, type Running } from './cloud.ts'
import type { DesiredFunction } from './desired-state.ts'
import { comesUp, isBad, watch } from './health.ts'

export interface RollOutOptions {
  readonly cloud: DeployCloud
  /** Shares in percent that the new version gets, one after the other; the last one is 100. */
  readonly canary: readonly number[]
  /** How long each of them is watched. */
  readonly watchMs: number
  /** The share of failures that is too much, from 0 to 1. */
  readonly maxErrors: number
  /** What is asked for while watching. */
  readonly probe: string
  /** Deploys again what is deployed already. */
  readonly force: boolean
  readonly say: (name: string, text: string) => void
}

export interface RolledOut {
  readonly name: string
  readonly ok: boolean
  readonly version: string
  readonly url?: string
}

const SMOKE = 'smoke'
const SETTLE_MS = 180_000
const ASK_EVERY_MS = 300
const COME_UP_MS = 30_000

/**
 * Brings one function to what it should be: the new version is tried at a URL of its own before anybody is led to it,
 * and taken back when it fails there or later. Whatever an earlier run left half-done is finished or undone.
 */
export async function rollOut(desired: DesiredFunction, options: RollOutOptions): Promise<RolledOut> {
  const { cloud, say } = options
  const { platformName: name } = desired
  const tell = (text: string) => say(desired.name, text)
  const found = await settled(cloud, name)
  const live = await withoutCanary(found, desired, options)
  const version = await versionOf(desired, found, options)
  if (live?.version === version) tell(`version ${version} is live already`)
  else {
    const failure = await smokeTest(desired, version, options)
    if (failure !== undefined) {
      tell(`version ${version} fails its smoke test: ${failure}`)
      tell(live === undefined ? 'nothing is live' : `version ${live.version} stays live`)
      await cloud.removeVersion(name, version)
      return { name: desired.name, ok: false, version: live?.version ?? '' }
    }
    tell(`version ${version} passes its smoke test`)
    if (!(await switched(desired, live, version, options)))
      return { name: desired.name, ok: false, version: live?.version ?? '' }
  }
  if (desired.timer !== undefined) await cloud.timer(name, desired.timer)
  const url = desired.kind === 'web' ? await liveUrl(desired, options) : undefined
  return { name: desired.name, ok: true, version, ...(url === undefined ? {} : { url }) }
}

/** Twelve digits that stand for all that this tool decides about a version. */
export function digestOf({
  image,
  memoryMb,
  cpu,
  timeoutS,
  concurrency,
  environment,
}: DesiredFunction): string {
  const settings = Object.entries(environment).sort(([a], [b]) => (a < b ? -1 : 1))
  const text = JSON.stringify([image, memoryMb, cpu, timeoutS, concurrency, settings])
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}

export function descriptionOf(desired: DesiredFunction): string {
  return `xiaohan ${digestOf(desired)} ${desired.image.split(':').at(-1) ?? ''}`.slice(0, 120)
}

async function settled(cloud: DeployCloud, name: string): Promise<Running | undefined> {
  for (const until = Date.now() + SETTLE_MS; ; await delay(ASK_EVERY_MS)) {
    const running = await cloud.find(name)
    if (running?.status !== 'changing') return running
    if (Date.now() > until)
      throw new Error(`${name} has been changing for ${SETTLE_MS / 1_000} s; look at it in the console`)
  }
}

/** A canary that is there before this run began was left by one that was killed: nobody watches it. */
async function withoutCanary(
  found: Running | undefined,
  { name, platformName }: DesiredFunction,
  { cloud, say }: RollOutOptions,
): Promise<Pointed | undefined> {
  const live = found?.live
  if (live?.canary === undefined) return live
  const { canary, ...stable } = live
  say(
    name,
    `an earlier run left version ${canary.version} at ${percent(canary.share)}: taken back to ${live.version}`,
  )
  await cloud.point(platformName, stable, true)
  return stable
}

/** The version that is as desired: one that an earlier run published, or a new one. */
async function versionOf(
  desired: DesiredFunction,
  found: Running | undefined,
  { cloud, say, force }: RollOutOptions,
): Promise<string> {
  const { platformName: name } = desired
  const description = descriptionOf(desired)
  const known = found?.versions.find((it) => it.description === description)
  if (known !== undefined && !force) return known.version
  say(desired.name, found === undefined ? `creating ${name}` : `updating ${name}`)
  if (found === undefined) await cloud.create(desired)
  else await cloud.update(desired, { ...found.environment, ...desired.environment })
  const after = await settled(cloud, name)
  if (after === undefined || after.status === 'failed')
    throw new Error(`${name} does not become active: ${after?.reason || 'the cloud does not say why'}`)
  const version = await cloud.publish(name, description)
  say(desired.name, `published version ${version}`)
  return version
}

/** @returns what is wrong with the version; nothing when it works. */
async function smokeTest(
  { kind, platformName: name }: DesiredFunction,
  version: string,
  { cloud }: RollOutOptions,
): Promise<string | undefined> {
  if (kind === 'event') {
    const { ok, body, log } = await cloud.invoke(name, version, cloud.timerEvent).catch((error: unknown) => {
      return { ok: false, body: error instanceof Error ? error.message : String(error), log: '' }
    })
    return ok ? undefined : `${body.slice(0, 300)} ${log.slice(-600)}`.trim()
  }
  const url = await cloud.url(name, { trigger: SMOKE, qualifier: version })
  try {
    return (
      (await comesUp(`${url}/health/liveness`, COME_UP_MS)) ??
      (await comesUp(`${url}/health/readiness`, COME_UP_MS))
    )
  } finally {
    await cloud.removeTrigger(name, SMOKE)
  }
}

/** Leads callers to the version, step by step. @returns whether it stayed. */
async function switched(
  desired: DesiredFunction,
  live: Pointed | undefined,
  version: string,
  options: RollOutOptions,
): Promise<boolean> {
  const { cloud, canary, say } = options
  const { platformName: name } = desired
  if (live === undefined || desired.kind === 'event') {
    await cloud.point(
      name,
      { version, ...(live === undefined ? {} : { previous: live.version }) },
      live !== undefined,
    )
    say(desired.name, `version ${version} is live`)
    return true
  }
  const url = await liveUrl(desired, options)
  for (const share of canary) {
    const to =
      share === 100
        ? { version, previous: live.version }
        : { ...live, canary: { version, share: share / 100 } }
    await cloud.point(name, to, true)
    say(desired.name, `version ${version} gets ${share} %`)
    const watched = await watch(`${url}${options.probe}`, options.watchMs, options.maxErrors)
    if (!isBad(watched, options.maxErrors)) continue
    await cloud.point(name, live, true)
    const { failures, probes, last } = watched
    say(
      desired.name,
      `${failures} of ${probes} calls failed (${last}): rolled back to version ${live.version}`,
    )
    return false
  }
  say(desired.name, `version ${version} is live`)
  return true
}

function liveUrl({ platformName: name }: DesiredFunction, { cloud }: RollOutOptions): Promise<string> {
  return cloud.url(name, { trigger: 'http', qualifier: LIVE })
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}
