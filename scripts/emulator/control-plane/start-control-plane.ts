import type { IncomingMessage, ServerResponse } from 'node:http'
import * as v from 'valibot'
import { answerControl, sendJson } from '#scripts/emulator/answer-control.ts'
import { listen } from '#scripts/emulator/listen.ts'
import { type Clock, systemClock } from '#shared/clock.ts'
import type { ApiCall, Credentials } from './api-call.ts'
import { ApiRefusal } from './api-refusal.ts'
import { createDeployments } from './deployments.ts'
import { fcPlatform } from './fc/fc-platform.ts'
import type { ResolveImage } from './images.ts'
import { createPlaneFaults, type PlaneFaults } from './plane-faults.ts'
import { startPlaneTimers } from './plane-timers.ts'
import type { ApiAnswer, Platform } from './platform.ts'
import { createRunner, type LogLine } from './runner.ts'
import { scfPlatform } from './scf/scf-platform.ts'
import { createUrlListeners } from './url-listeners.ts'
import { createWorld } from './world.ts'

const PLATFORMS: Readonly<Record<'fc' | 'scf', Platform>> = { fc: fcPlatform, scf: scfPlatform }
const SETTLE_MS = 300
const REAP_EVERY_MS = 1_000

export interface ControlPlaneOptions {
  readonly platform: 'fc' | 'scf'
  /** The only ones that may call. */
  readonly credentials: Credentials
  /** Asked when a function is made or changed, and when a version of it runs for the first time. */
  readonly resolve: ResolveImage
  readonly port?: number
  /** Keeps what was deployed; without it nothing outlives the control plane. */
  readonly folder?: string
  /** Milliseconds that a change of a function takes. */
  readonly settleMs?: number
  /** Milliseconds in which an instance must listen; the cloud's own time by default. */
  readonly startMs?: number
  readonly clock?: Clock
  /** From 0 up to 1: chooses among the versions of an alias. */
  readonly random?: () => number
}

export interface ControlPlane {
  /** Host and port, as the SDKs take them. */
  readonly endpoint: string
  /** What the next calls meet; `POST /_control/faults` does the same. */
  readonly fail: PlaneFaults['next']
  readonly logs: (functionName: string) => readonly LogLine[]
  /** Ends what it runs and what is under way. */
  stop(): Promise<void>
}

/**
 * Answers the calls that a deploy tool makes to FC 3.0 or SCF, by the vendors' SDKs over plain http, and runs what was
 * deployed. An image is what `resolve` finds for its reference. Function URLs are listeners on 127.0.0.1. Nothing is
 * started but listeners until a function is called.
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { credentials, resolve, clock = systemClock, random = Math.random } = options
  const { [options.platform]: platform } = PLATFORMS
  const faults = createPlaneFaults()
  const deployments = createDeployments({
    ...createWorld(options.folder),
    clock,
    resolve,
    settleMs: options.settleMs ?? SETTLE_MS,
    imageOf: (fields) => platform.running(fields).image,
    latest: platform.latest,
  })
  const startMs = options.startMs ?? platform.cloud.limits.startMs
  const runner = createRunner({ platform, deployments, resolve, clock, random, startMs })
  const urls = createUrlListeners(runner)
  const parts = { deployments, runner, openUrl: urls.open, closeUrl: urls.close }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat(await request.toArray())
    if (request.url?.startsWith('/_control/'))
      return sendJson(response, await answerControl(faults.routes, request, body.toString()))
    const { pathname: path, searchParams: query } = new URL(request.url ?? '/', 'http://localhost')
    const call = { method: request.method ?? '', path, query, headers: request.headers, body }
    const fault = await faults.meet(platform.actionOf(call))
    if (fault === 'hang') return
    if (fault === 'drop') return void request.socket.resetAndDestroy()
    const requestId = platform.cloud.requestId(clock())
    const answer = await answered(call, requestId, fault)
    if (fault === 'drop-after') return void request.socket.resetAndDestroy()
    send(response, answer, platform.cloud.responseHeaders(requestId))
  }

  async function answered(call: ApiCall, requestId: string, fault: string | undefined): Promise<ApiAnswer> {
    try {
      platform.verify(call, credentials, clock())
      if (fault === 'throttle') throw new ApiRefusal('throttled', 'the rate of calls exceeds its limit')
      if (fault === 'fail')
        throw new ApiRefusal('internal', 'an internal error has occurred; please try again')
      return await platform.answer(call, requestId, parts)
    } catch (error) {
      return platform.refusal(refusalOf(error), requestId, call)
    }
  }

  for (const deployed of deployments.world.functions)
    for (const trigger of deployed.triggers.filter(({ port }) => port > 0)) {
      const port = await urls.open(deployed.name, trigger.qualifier, trigger.port)
      deployments.putTrigger(deployed.name, { ...trigger, port }, 'update')
    }
  const listening = await listen(serve, options.port)
  const timers = startPlaneTimers({ platform, deployments, runner, clock })
  const reaping = setInterval(() => runner.reap(), REAP_EVERY_MS).unref()

  return {
    endpoint: new URL(listening.url).host,
    fail: faults.next,
    logs: runner.logs,
    async stop() {
      clearInterval(reaping)
      timers.stop()
      await Promise.all([listening.stop(), urls.stop()])
      await Promise.all([runner.stop(), deployments.stop()])
    },
  }
}

function refusalOf(error: unknown): ApiRefusal {
  if (error instanceof ApiRefusal) return error
  if (error instanceof v.ValiError) {
    const [issue] = error.issues
    return new ApiRefusal('invalid', `${v.getDotPath(issue) ?? 'the body'}: ${issue.message}`)
  }
  return new ApiRefusal('internal', error instanceof Error ? error.message : String(error))
}

function send(
  response: ServerResponse,
  { status, headers, body }: ApiAnswer,
  own: Readonly<Record<string, string>>,
): void {
  if (body === undefined || Buffer.isBuffer(body)) {
    response.writeHead(status, { ...own, ...headers }).end(body)
    return
  }
  response
    .writeHead(status, { 'content-type': 'application/json', ...own, ...headers })
    .end(JSON.stringify(body))
}
