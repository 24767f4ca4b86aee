import { setTimeout as delay } from 'node:timers/promises'
import { scf } from 'tencentcloud-sdk-nodejs-scf'
import type { CloudAccess } from './access.ts'
import { describe, previousIn } from './alias-note.ts'
import { type DeployCloud, LIVE, type Pointed, type Running } from './cloud.ts'
import type { DesiredFunction } from './desired-state.ts'
import { ifThere, patient } from './patient.ts'

const MOST = 100
const ASK_EVERY_MS = 500
const SETTLE_MS = 120_000
const LATEST = '$LATEST'

/** Serverless Cloud Functions with images. @see https://cloud.tencent.com/document/product/583/17234 */
export function scfCloud({ endpoint, protocol, region, id, secret, token }: CloudAccess): DeployCloud {
  const client = new scf.v20180416.Client({
    credential: { secretId: id, secretKey: secret, ...(token === undefined ? {} : { token }) },
    region,
    profile: { httpProfile: { endpoint, protocol: `${protocol}://` } },
  })

  async function versionsOf(FunctionName: string) {
    const { Versions: versions } = await patient('ListVersionByFunction', () =>
      client.ListVersionByFunction({ FunctionName, Limit: MOST }),
    )
    return (versions ?? [])
      .filter(({ Version: version }) => version !== LATEST)
      .map(({ Version: version, Description: description = '' }) => ({ version, description }))
      .sort((a, b) => Number(b.version) - Number(a.version))
  }

  async function liveOf(FunctionName: string): Promise<Pointed | undefined> {
    const found = await ifThere(patient('GetAlias', () => client.GetAlias({ FunctionName, Name: LIVE })))
    if (found?.FunctionVersion === undefined) return undefined
    const [other] = found.RoutingConfig?.AdditionalVersionWeights ?? []
    const previous = previousIn(found.Description ?? '')
    return {
      version: found.FunctionVersion,
      ...(other?.Version === undefined || !other.Weight
        ? {}
        : { canary: { version: other.Version, share: other.Weight } }),
      ...(previous === undefined ? {} : { previous }),
    }
  }

  async function triggersOf(FunctionName: string) {
    const { Triggers: triggers } = await patient('ListTriggers', () =>
      client.ListTriggers({ FunctionName, Limit: MOST }),
    )
    return triggers ?? []
  }

  async function removeTrigger(FunctionName: string, TriggerName: string): Promise<void> {
    const there = (await triggersOf(FunctionName)).find((it) => it.TriggerName === TriggerName)
    if (there === undefined) return
    const { Type: type = '', Qualifier: qualifier = LATEST } = there
    await patient('DeleteTrigger', () =>
      client.DeleteTrigger({ FunctionName, TriggerName, Type: type, Qualifier: qualifier }),
    )
  }

  /** Code and configuration are changed by two calls, and the second one has to wait for the first. */
  async function settled(FunctionName: string): Promise<void> {
    for (const until = Date.now() + SETTLE_MS; Date.now() < until; await delay(ASK_EVERY_MS)) {
      const { Status: status = '' } = await patient('GetFunction', () => client.GetFunction({ FunctionName }))
      if (status !== 'Updating' && status !== 'Creating') return
    }
  }

  return {
    title: 'Tencent Cloud SCF',
    timerEvent: JSON.stringify({
      Message: '',
      Time: new Date().toISOString(),
      TriggerName: 'deploy',
      Type: 'Timer',
    }),

    async list(prefix) {
      const { Functions: functions } = await patient('ListFunctions', () =>
        client.ListFunctions({ SearchKey: prefix, Limit: MOST }),
      )
      return (functions ?? []).flatMap(({ FunctionName: name }) => (name?.startsWith(prefix) ? [name] : []))
    },

    async find(FunctionName): Promise<Running | undefined> {
      const found = await ifThere(patient('GetFunction', () => client.GetFunction({ FunctionName })))
      if (found === undefined) return undefined
      const [versions, live] = await Promise.all([versionsOf(FunctionName), liveOf(FunctionName)])
      const variables = found.Environment?.Variables ?? []
      return {
        status: statusOf(found.Status),
        reason:
          found.StatusReasons?.map(({ ErrorMessage: text }) => text).join('; ') || found.StatusDesc || '',
        image: found.ImageConfig?.ImageUri ?? '',
        memoryMb: found.MemorySize ?? 0,
        timeoutS: found.Timeout ?? 0,
        concurrency: found.InstanceConcurrencyConfig?.MaxConcurrency ?? 1,
        environment: Object.fromEntries(
          variables.map(({ Key: name = '', Value: value = '' }) => [name, value]),
        ),
        versions,
        ...(live === undefined ? {} : { live }),
      }
    },

    async create(desired) {
      await patient('CreateFunction', () =>
        client.CreateFunction({
          FunctionName: desired.platformName,
          Type: desired.kind === 'web' ? 'HTTP' : 'Event',
          Code: codeOf(desired),
          ...configuration(desired, desired.environment),
        }),
      )
    },

    async update(desired, environment) {
      const { platformName: FunctionName } = desired
      await patient('UpdateFunctionCode', () =>
        client.UpdateFunctionCode({ FunctionName, Code: codeOf(desired) }),
      )
      await settled(FunctionName)
      await patient('UpdateFunctionConfiguration', () =>
        client.UpdateFunctionConfiguration({ FunctionName, ...configuration(desired, environment) }),
      )
    },

    async publish(FunctionName, Description) {
      const answer = await patient('PublishVersion', () =>
        client.PublishVersion({ FunctionName, Description }),
      )
      return answer.FunctionVersion ?? ''
    },

    async removeVersion(FunctionName, Qualifier) {
      await ifThere(patient('DeleteFunction', () => client.DeleteFunction({ FunctionName, Qualifier })))
    },

    async point(FunctionName, to, exists) {
      const { version: Version = '', share: Weight = 0 } = to.canary ?? {}
      const alias = {
        FunctionName,
        Name: LIVE,
        FunctionVersion: to.version,
        Description: describe(to),
        RoutingConfig: { AdditionalVersionWeights: to.canary === undefined ? [] : [{ Version, Weight }] },
      }
      if (exists) await patient('UpdateAlias', () => client.UpdateAlias(alias))
      else await patient('CreateAlias', () => client.CreateAlias(alias))
    },

    async url(FunctionName, { trigger: TriggerName, qualifier: Qualifier }) {
      const there = (await triggersOf(FunctionName)).find((it) => it.TriggerName === TriggerName)
      if (there?.Qualifier === Qualifier && there.TriggerDesc !== undefined) return urlIn(there.TriggerDesc)
      if (there !== undefined) await removeTrigger(FunctionName, TriggerName)
      // Neither way in is open unless it is asked for.
      const TriggerDesc = JSON.stringify({
        AuthType: 'NONE',
        NetConfig: { EnableIntranet: true, EnableExtranet: true },
      })
      const trigger = { FunctionName, TriggerName, Type: 'http', Qualifier, TriggerDesc }
      const { TriggerInfo: made } = await patient('CreateTrigger', () => client.CreateTrigger(trigger))
      return urlIn(made?.TriggerDesc ?? '{}')
    },

    removeTrigger,

    async timer(FunctionName, { name: TriggerName, everyS }) {
      // Seconds, minutes, hours, day, month, weekday, year.
      const TriggerDesc = `0 */${everyS / 60} * * * * *`
      const there = (await triggersOf(FunctionName)).find((it) => it.TriggerName === TriggerName)
      if (there !== undefined && there.Qualifier === LIVE && there.TriggerDesc?.includes(TriggerDesc)) return
      if (there !== undefined) await removeTrigger(FunctionName, TriggerName)
      const trigger = {
        FunctionName,
        TriggerName,
        Type: 'timer',
        Qualifier: LIVE,
        TriggerDesc,
        Enable: 'OPEN',
      }
      await patient('CreateTrigger', () => client.CreateTrigger(trigger))
    },

    async invoke(FunctionName, Qualifier, ClientContext) {
      const { Result: result } = await patient('Invoke', () =>
        client.Invoke({ FunctionName, Qualifier, ClientContext, LogType: 'Tail' }),
      )
      const { InvokeResult: code, RetMsg: answer = '', ErrMsg: failure = '', Log: log = '' } = result ?? {}
      return { ok: code === 0, body: code === 0 ? answer : failure, log }
    },

    async logs(FunctionName) {
      const { Data: lines } = await patient('GetFunctionLogs', () =>
        client.GetFunctionLogs({ FunctionName, Limit: MOST, Order: 'desc' }),
      )
      return (lines ?? [])
        .map(({ StartTime: at = '', Log: text = '' }) => `${at} ${text.trimEnd()}`)
        .toReversed()
    },

    async remove(FunctionName) {
      for (const { TriggerName: trigger = '' } of await triggersOf(FunctionName))
        await removeTrigger(FunctionName, trigger)
      if ((await liveOf(FunctionName)) !== undefined)
        await patient('DeleteAlias', () => client.DeleteAlias({ FunctionName, Name: LIVE }))
      await ifThere(patient('DeleteFunction', () => client.DeleteFunction({ FunctionName })))
    },
  }
}

function codeOf({ image, port, kind }: DesiredFunction) {
  // Tencent's own registries begin like this where they are the paid ones; the others are `personal`.
  const ImageType = /^[\w-]+\.tencentcloudcr\.com\//.test(image) ? 'enterprise' : 'personal'
  return { ImageConfig: { ImageType, ImageUri: image, ...(kind === 'web' ? { ImagePort: port } : {}) } }
}

function configuration(
  { memoryMb, timeoutS, concurrency, kind }: DesiredFunction,
  environment: Readonly<Record<string, string>>,
) {
  return {
    MemorySize: memoryMb,
    Timeout: timeoutS,
    Environment: { Variables: Object.entries(environment).map(([Key, Value]) => ({ Key, Value })) },
    ...(kind === 'web' && concurrency > 1
      ? { InstanceConcurrencyConfig: { DynamicEnabled: 'FALSE', MaxConcurrency: concurrency } }
      : {}),
  }
}

/** The platform tells a function's URL inside of the trigger's own description. */
function urlIn(description: string): string {
  const desc: unknown = JSON.parse(description)
  const { NetConfig: net } = Object(desc)
  return String(Object(net).ExtranetUrl ?? '')
}

function statusOf(status = ''): Running['status'] {
  if (/^(Creating|Updating|Publishing)$/.test(status)) return 'changing'
  return status.endsWith('Failed') ? 'failed' : 'active'
}
