import { createRequire } from 'node:module'
import { Readable } from 'node:stream'
import type FcSdk from '@alicloud/fc20230330'
import { Config } from '@alicloud/openapi-core/dist/utils.js'
import type { CloudAccess } from './access.ts'
import { type DeployCloud, LIVE, type Pointed, type Running } from './cloud.ts'
import type { DesiredFunction } from './desired-state.ts'
import { ifThere, patient } from './patient.ts'
import { describe, previousIn } from './alias-note.ts'

// Node and Bun differ in what the default export of such a package is to an import; `require` gives both the same.
const fc: typeof FcSdk = createRequire(import.meta.url)('@alicloud/fc20230330')

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
const MOST = 100
/** The SDK wants an object of a class that it does not export, and takes any. */
const RUNTIME_DEFAULTS = Object({})

/** Function Compute 3.0. @see https://www.alibabacloud.com/help/en/functioncompute/fc/developer-reference/api-fc-2023-03-30-overview */
export function fcCloud({ endpoint, protocol, id, secret, token }: CloudAccess): DeployCloud {
  const client = new fc.default(
    new Config({
      accessKeyId: id,
      accessKeySecret: secret,
      endpoint,
      protocol,
      ...(token === undefined ? {} : { securityToken: token }),
    }),
  )

  async function versionsOf(name: string) {
    const request = new fc.ListFunctionVersionsRequest({ direction: 'BACKWARD', limit: MOST })
    const { body } = await patient('ListFunctionVersions', () => client.listFunctionVersions(name, request))
    return (body?.versions ?? []).map(({ versionId = '', description = '' }) => ({
      version: versionId,
      description,
    }))
  }

  async function liveOf(name: string): Promise<Pointed | undefined> {
    const found = await ifThere(patient('GetAlias', () => client.getAlias(name, LIVE)))
    if (found?.body?.versionId === undefined) return undefined
    const { versionId, additionalVersionWeight, description } = found.body
    return pointed(versionId, Object.entries(additionalVersionWeight ?? {})[0], description)
  }

  async function triggersOf(name: string) {
    const request = new fc.ListTriggersRequest({ limit: MOST })
    const { body } = await patient('ListTriggers', () => client.listTriggers(name, request))
    return body?.triggers ?? []
  }

  async function removeVersion(name: string, version: string): Promise<void> {
    await ifThere(patient('DeleteFunctionVersion', () => client.deleteFunctionVersion(name, version)))
  }

  return {
    title: 'Alibaba Cloud FC',
    timerEvent: JSON.stringify({ triggerTime: new Date().toISOString(), triggerName: 'deploy', payload: '' }),

    async list(prefix) {
      const request = new fc.ListFunctionsRequest({ prefix, limit: MOST })
      const { body } = await patient('ListFunctions', () => client.listFunctions(request))
      return (body?.functions ?? []).flatMap(({ functionName }) => functionName ?? [])
    },

    async find(name): Promise<Running | undefined> {
      const request = new fc.GetFunctionRequest({})
      const found = await ifThere(patient('GetFunction', () => client.getFunction(name, request)))
      if (found?.body === undefined) return undefined
      const { body } = found
      const [versions, live] = await Promise.all([versionsOf(name), liveOf(name)])
      return {
        status: statusOf(body),
        reason: body.stateReason || body.lastUpdateStatusReason || '',
        image: body.customContainerConfig?.image ?? '',
        memoryMb: body.memorySize ?? 0,
        timeoutS: body.timeout ?? 0,
        concurrency: body.instanceConcurrency ?? 1,
        environment: body.environmentVariables ?? {},
        versions,
        ...(live === undefined ? {} : { live }),
      }
    },

    async create(desired) {
      const { platformName: functionName, environment: environmentVariables } = desired
      const body = new fc.CreateFunctionInput({
        functionName,
        internetAccess: true,
        diskSize: 512,
        ...configuration(desired),
        environmentVariables,
      })
      await patient('CreateFunction', () => client.createFunction(new fc.CreateFunctionRequest({ body })))
    },

    async update(desired, environmentVariables) {
      const body = new fc.UpdateFunctionInput({ ...configuration(desired), environmentVariables })
      const request = new fc.UpdateFunctionRequest({ body })
      await patient('UpdateFunction', () => client.updateFunction(desired.platformName, request))
    },

    async publish(name, description) {
      const body = new fc.PublishVersionInput({ description })
      const request = new fc.PublishFunctionVersionRequest({ body })
      const answer = await patient('PublishFunctionVersion', () =>
        client.publishFunctionVersion(name, request),
      )
      return answer.body?.versionId ?? ''
    },

    removeVersion,

    async point(name, to, exists) {
      const fields = {
        versionId: to.version,
        description: describe(to),
        additionalVersionWeight: to.canary === undefined ? {} : { [to.canary.version]: to.canary.share },
      }
      const update = new fc.UpdateAliasRequest({ body: new fc.UpdateAliasInput(fields) })
      if (exists) await patient('UpdateAlias', () => client.updateAlias(name, LIVE, update))
      else {
        const body = new fc.CreateAliasInput({ aliasName: LIVE, ...fields })
        await patient('CreateAlias', () => client.createAlias(name, new fc.CreateAliasRequest({ body })))
      }
    },

    async url(name, { trigger: triggerName, qualifier }) {
      const there = (await triggersOf(name)).find((it) => it.triggerName === triggerName)
      if (there?.httpTrigger?.urlInternet !== undefined && there.qualifier === qualifier)
        return there.httpTrigger.urlInternet
      if (there !== undefined) await patient('DeleteTrigger', () => client.deleteTrigger(name, triggerName))
      const triggerConfig = JSON.stringify({
        authType: 'anonymous',
        methods: METHODS,
        disableURLInternet: false,
      })
      const body = new fc.CreateTriggerInput({ triggerName, triggerType: 'http', qualifier, triggerConfig })
      const answer = await patient('CreateTrigger', () =>
        client.createTrigger(name, new fc.CreateTriggerRequest({ body })),
      )
      return answer.body?.httpTrigger?.urlInternet ?? ''
    },

    async removeTrigger(name, trigger) {
      await ifThere(patient('DeleteTrigger', () => client.deleteTrigger(name, trigger)))
    },

    async timer(name, { name: triggerName, everyS }) {
      const triggerConfig = JSON.stringify({
        cronExpression: `@every ${everyS / 60}m`,
        enable: true,
        payload: '',
      })
      const there = (await triggersOf(name)).find((it) => it.triggerName === triggerName)
      if (there !== undefined) {
        const body = new fc.UpdateTriggerInput({ qualifier: LIVE, triggerConfig })
        await patient('UpdateTrigger', () =>
          client.updateTrigger(name, triggerName, new fc.UpdateTriggerRequest({ body })),
        )
        return
      }
      const body = new fc.CreateTriggerInput({
        triggerName,
        triggerType: 'timer',
        qualifier: LIVE,
        triggerConfig,
      })
      await patient('CreateTrigger', () => client.createTrigger(name, new fc.CreateTriggerRequest({ body })))
    },

    async invoke(name, qualifier, event) {
      const { InvokeFunctionHeaders, InvokeFunctionRequest } = fc
      const headers = new InvokeFunctionHeaders({ xFcInvocationType: 'Sync', xFcLogType: 'Tail' })
      // A body's stream must emit bytes: one of text makes the SDK fail.
      const request = () =>
        new InvokeFunctionRequest({ qualifier, body: Readable.from([Buffer.from(event)]) })
      const answer = await patient('InvokeFunction', () =>
        client.invokeFunctionWithOptions(name, request(), headers, RUNTIME_DEFAULTS),
      )
      const said: Readonly<Record<string, string>> = answer.headers ?? {}
      const body = Buffer.concat(await (answer.body ?? Readable.from([])).toArray()).toString()
      return {
        ok: said['x-fc-error-type'] === undefined,
        body,
        log: Buffer.from(said['x-fc-log-result'] ?? '', 'base64').toString(),
      }
    },

    async logs(name) {
      throw new Error(
        `FC keeps no logs itself: those of ${name} are in the Log Service (SLS) that its logConfig names; \`invoke\` shows the end of a call's own log`,
      )
    },

    async remove(name) {
      for (const { triggerName = '' } of await triggersOf(name))
        await patient('DeleteTrigger', () => client.deleteTrigger(name, triggerName))
      if ((await liveOf(name)) !== undefined)
        await patient('DeleteAlias', () => client.deleteAlias(name, LIVE))
      for (const { version } of await versionsOf(name)) await removeVersion(name, version)
      await ifThere(patient('DeleteFunction', () => client.deleteFunction(name)))
    },
  }
}

function configuration({ memoryMb, cpu, timeoutS, concurrency, image, port }: DesiredFunction) {
  return {
    runtime: 'custom-container',
    handler: 'index.handler',
    memorySize: memoryMb,
    cpu,
    timeout: timeoutS,
    instanceConcurrency: concurrency,
    customContainerConfig: new fc.CustomContainerConfig({ image, port }),
  }
}

function pointed(version: string, other: readonly [string, number] | undefined, note = ''): Pointed {
  const previous = previousIn(note)
  return {
    version,
    ...(other === undefined || other[1] === 0 ? {} : { canary: { version: other[0], share: other[1] } }),
    ...(previous === undefined ? {} : { previous }),
  }
}

function statusOf({
  state,
  lastUpdateStatus,
}: {
  state?: string
  lastUpdateStatus?: string
}): Running['status'] {
  if (state === 'Pending' || lastUpdateStatus === 'InProgress') return 'changing'
  return state === 'Failed' || lastUpdateStatus === 'Failed' ? 'failed' : 'active'
}
