import { existsSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Cloud } from '#scripts/emulator/cloud.ts'
import { CloudFailure } from '#scripts/emulator/cloud-failure.ts'
import type { EventAnswer, SentEvent } from '#scripts/emulator/event-sender.ts'
import { createFunctionService, type FunctionService } from '#scripts/emulator/function-service.ts'
import type { FunctionSpec } from '#scripts/functions.ts'
import type { Clock } from '#shared/clock.ts'
import { ApiRefusal } from './api-refusal.ts'
import { chooseVersion } from './choose-version.ts'
import type { Deployments } from './deployments.ts'
import type { ResolveImage } from './images.ts'
import type { Platform } from './platform.ts'
import type { Deployed, Revision } from './world.ts'

const KEPT_LINES = 1_000
const MAX_INSTANCES = 5
const IDLE_MS = 60_000
/** Lines come by another way than answers, and later: whoever asks for the log of a call wants them. */
const LOG_LAG_MS = 50

export interface RunnerOptions {
  readonly platform: Pick<Platform, 'cloud' | 'latest' | 'running' | 'versionEnv' | 'versionHeaders'>
  readonly deployments: Deployments
  readonly resolve: ResolveImage
  readonly clock: Clock
  /** From 0 up to 1: chooses among the versions of an alias. */
  readonly random: () => number
  readonly startMs: number
}

/** A line that an instance wrote, or that was noted about it. */
export interface LogLine {
  readonly atMs: number
  readonly version: string
  readonly text: string
}

/** What an event is made of once the version that takes it is known. */
export type MakeEvent = (spec: FunctionSpec, cloud: Cloud) => SentEvent

/** Runs what was deployed: a revision's instances are started by the first call that needs them. */
export interface Runner {
  /** Answers a request to a function's URL. Never rejects. */
  serve(name: string, qualifier: string, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void>
  /** Sends an event. @throws ApiRefusal, CloudFailure */
  send(
    name: string,
    qualifier: string,
    make: MakeEvent,
  ): Promise<EventAnswer & { readonly version: string; readonly spec: FunctionSpec }>
  /** The last lines of a function's instances, oldest first. */
  readonly logs: (name: string) => readonly LogLine[]
  /** Ends instances of what is there no more. */
  prune(): void
  reap(): void
  stop(): Promise<void>
}

interface Service {
  readonly revision: Revision
  readonly starting: Promise<FunctionService>
}

export function createRunner({
  platform,
  deployments,
  resolve,
  clock,
  random,
  startMs,
}: RunnerOptions): Runner {
  const services = new Map<string, Service>()
  const lines = new Map<string, LogLine[]>()
  const ending = new Set<Promise<void>>()

  function chosen(name: string, qualifier: string): readonly [Deployed, Revision] {
    const deployed = deployments.find(name)
    const wanted = qualifier === '' ? platform.latest : qualifier
    const alias = deployed.aliases.find((it) => it.name === wanted)
    const version = alias === undefined ? wanted : chooseVersion(alias, random())
    const revision = deployments.revision(deployed, version)
    if (version === platform.latest && deployed.isNew && deployed.state !== 'active')
      throw new ApiRefusal('busy_function', `function '${name}' is not active yet`)
    return [deployed, revision]
  }

  function serviceOf(name: string, revision: Revision): Promise<FunctionService> {
    const key = keyOf(name, revision)
    const known = services.get(key)
    if (known !== undefined) return known.starting
    const starting = opened(name, revision)
    services.set(key, { revision, starting })
    starting.catch(() => services.delete(key)) // the next call tries again
    return starting
  }

  async function opened(name: string, revision: Revision): Promise<FunctionService> {
    const running = platform.running(revision.fields)
    const kept = revision.image
    const isThere = kept !== undefined && existsSync(kept.bundle.file)
    const image = isThere ? kept : await resolve(running.image)
    if (image === undefined || typeof image === 'string') throw new CloudFailure('not_started')
    const note = (text: string) => remember(name, { atMs: clock(), version: revision.version, text })
    return createFunctionService({
      spec: { name, paths: [], budgetKb: 0, ...running },
      cloud: versionCloud(platform, revision.version),
      bundler: { current: async () => image.bundle },
      runtime: image.runtime,
      env: running.env,
      startMs,
      maxInstances: MAX_INSTANCES,
      idleMs: IDLE_MS,
      clock,
      line: note,
      note,
    })
  }

  function remember(name: string, line: LogLine): void {
    const kept = lines.get(name) ?? []
    kept.push(line)
    if (kept.length > KEPT_LINES) kept.shift()
    lines.set(name, kept)
  }

  async function serve(
    name: string,
    qualifier: string,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
  ): Promise<void> {
    outgoing.on('error', () => {}) // the client has gone
    try {
      const [, revision] = chosen(name, qualifier)
      await (await serviceOf(name, revision)).handle(incoming, outgoing)
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      remember(name, { atMs: clock(), version: qualifier, text })
      outgoing.writeHead(502, { 'content-type': 'application/json' })
      outgoing.end(JSON.stringify({ errorMessage: text }))
    }
  }

  async function send(name: string, qualifier: string, make: MakeEvent) {
    const [, revision] = chosen(name, qualifier)
    const { spec, send: sendEvent } = await serviceOf(name, revision)
    const answer = await sendEvent(make(spec, versionCloud(platform, revision.version)))
    await delay(LOG_LAG_MS)
    return { ...answer, version: revision.version, spec }
  }

  function prune(): void {
    const { functions } = deployments.world
    const used = functions.flatMap((it) => [it.latest, ...it.versions].map((each) => keyOf(it.name, each)))
    for (const [key, service] of services) if (!used.includes(key)) end(key, service)
    for (const name of lines.keys()) if (!functions.some((it) => it.name === name)) lines.delete(name)
  }

  function end(key: string, { starting }: Service): void {
    services.delete(key)
    const work = starting.then((service) => service.stop()).catch(() => {}) // it never started
    ending.add(work)
    void work.then(() => ending.delete(work))
  }

  return {
    serve,
    send,
    logs: (name) => lines.get(name) ?? [],
    prune,
    reap() {
      for (const { starting } of services.values())
        void starting.then(({ pool }) => pool.reap()).catch(() => {}) // it never started
    },
    async stop() {
      for (const [key, service] of services) end(key, service)
      await Promise.all(ending)
    },
  }
}

/** A version's code never changes; the latest revision's does at each change. */
function keyOf(name: string, { version, changedAtMs }: Revision): string {
  return `${name}@${version}@${changedAtMs}`
}

/** The cloud as instances of this version see it. */
function versionCloud(
  { cloud, versionEnv, versionHeaders }: RunnerOptions['platform'],
  version: string,
): Cloud {
  const own = versionHeaders(version)
  return {
    ...cloud,
    env: (spec, port, instanceId) => ({ ...cloud.env(spec, port, instanceId), ...versionEnv(version) }),
    requestHeaders: (spec, call) => ({ ...cloud.requestHeaders(spec, call), ...own }),
    hookHeaders: (spec, id, path) => ({ ...cloud.hookHeaders(spec, id, path), ...own }),
    timerEvent(spec, timer) {
      const event = cloud.timerEvent(spec, timer)
      return { ...event, headers: { ...event.headers, ...own } }
    },
  }
}
