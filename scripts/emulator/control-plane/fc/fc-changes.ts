import * as v from 'valibot'
import { ApiRefusal } from '#scripts/emulator/control-plane/api-refusal.ts'
import { parseCron } from '#scripts/emulator/control-plane/cron.ts'
import type { Deployments } from '#scripts/emulator/control-plane/deployments.ts'
import type { PlaneParts } from '#scripts/emulator/control-plane/platform.ts'
import type { Alias, Fields, Trigger } from '#scripts/emulator/control-plane/world.ts'

const AliasFields = v.object({
  aliasName: v.optional(v.string()),
  versionId: v.optional(v.string()),
  description: v.optional(v.string()),
  additionalVersionWeight: v.optional(v.record(v.string(), v.number())),
})

const TriggerFields = v.looseObject({
  triggerName: v.optional(v.string()),
  triggerType: v.optional(v.picklist(['http', 'timer'])),
  qualifier: v.optional(v.string()),
  triggerConfig: v.optional(v.string()),
})

const HttpConfig = v.looseObject({ authType: v.optional(v.literal('anonymous'), 'anonymous') })
export const TimerConfig = v.looseObject({
  cronExpression: v.string(),
  enable: v.optional(v.boolean(), false),
})

/** Makes an alias of a function, or changes `old`. */
export function putFcAlias(
  deployments: Deployments,
  name: string,
  body: Fields,
  old: Alias | undefined,
): Alias {
  const now = Date.now()
  const fields = v.parse(AliasFields, body)
  const alias = {
    name: old?.name ?? fields.aliasName ?? '',
    version: fields.versionId ?? old?.version ?? '',
    weights: fields.additionalVersionWeight ?? old?.weights ?? {},
    description: fields.description ?? old?.description ?? '',
    createdAtMs: old?.createdAtMs ?? now,
    changedAtMs: now,
  }
  return deployments.putAlias(name, alias, old === undefined ? 'create' : 'update')
}

/** Makes a trigger of a function, or changes `old`; one for http listens from then on. */
export async function putFcTrigger(
  { deployments, openUrl, closeUrl }: PlaneParts,
  functionName: string,
  body: Fields,
  old: Trigger | undefined,
): Promise<Trigger> {
  const { triggerName = '', triggerType, qualifier, triggerConfig, ...fields } = v.parse(TriggerFields, body)
  const name = old?.name ?? triggerName
  const type = old?.type ?? triggerType ?? 'http'
  const given = qualifier ?? old?.qualifier ?? ''
  const wanted = given === 'LATEST' ? '' : given
  const config = triggerConfig ?? old?.config ?? '{}'
  const { triggers } = deployments.find(functionName)
  if (old === undefined && triggers.some((it) => it.name === name))
    throw new ApiRefusal('trigger_exists', `trigger '${name}' already exists`)
  if (
    type === 'http' &&
    triggers.some((it) => it.type === 'http' && it.name !== name && it.qualifier === wanted)
  )
    throw new ApiRefusal('trigger_exists', 'a version or an alias has one http trigger')
  const isEnabled = type === 'http' ? isHttp(config) : isTimer(config)
  if (old?.port !== undefined && old.port > 0) await closeUrl(old.port)
  const port = type === 'http' ? await openUrl(functionName, wanted, old?.port) : 0
  const now = Date.now()
  const times = { createdAtMs: old?.createdAtMs ?? now, changedAtMs: now }
  const trigger = { name, type, qualifier: wanted, config, fields, isEnabled, port, ...times }
  return deployments.putTrigger(functionName, trigger, old === undefined ? 'create' : 'update')
}

function isHttp(config: string): boolean {
  v.parse(HttpConfig, JSON.parse(config), {
    message: 'the local control plane has anonymous http triggers only',
  })
  return true
}

function isTimer(config: string): boolean {
  const { cronExpression, enable } = v.parse(TimerConfig, JSON.parse(config))
  parseCron(cronExpression)
  return enable
}
