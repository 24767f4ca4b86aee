import * as v from 'valibot'
import { ApiRefusal } from '#scripts/emulator/control-plane/api-refusal.ts'
import { parseCron } from '#scripts/emulator/control-plane/cron.ts'
import type { Deployments } from '#scripts/emulator/control-plane/deployments.ts'
import type { PlaneParts } from '#scripts/emulator/control-plane/platform.ts'
import type { Alias, Fields, Trigger } from '#scripts/emulator/control-plane/world.ts'

/** Hours from UTC of cron expressions, as users of the platform report it. */
export const ZONE_HOURS = 8

const AliasFields = v.object({
  Name: v.string(),
  FunctionName: v.string(),
  FunctionVersion: v.string(),
  Description: v.optional(v.string(), ''),
  RoutingConfig: v.optional(
    v.object({
      AdditionalVersionWeights: v.optional(
        v.array(v.object({ Version: v.string(), Weight: v.number() })),
        [],
      ),
    }),
    {},
  ),
})

/** Makes an alias, or changes `old`: what an update leaves out is as if it were empty. */
export function putScfAlias(deployments: Deployments, body: Fields, old: Alias | undefined): Alias {
  const read = v.parse(AliasFields, body)
  const weights = read.RoutingConfig.AdditionalVersionWeights
  if (weights.length > 1) throw new ApiRefusal('invalid', 'RoutingConfig has one additional version')
  const now = Date.now()
  const alias = {
    name: read.Name,
    version: read.FunctionVersion,
    weights: Object.fromEntries(weights.map(({ Version, Weight }) => [Version, Weight])),
    description: read.Description,
    createdAtMs: old?.createdAtMs ?? now,
    changedAtMs: now,
  }
  return deployments.putAlias(read.FunctionName, alias, old === undefined ? 'create' : 'update')
}

const TriggerFields = v.looseObject({
  FunctionName: v.string(),
  TriggerName: v.string(),
  Type: v.picklist(['http', 'timer']),
  TriggerDesc: v.optional(v.string()),
  Qualifier: v.optional(v.string()),
  Enable: v.optional(v.picklist(['OPEN', 'CLOSE'])),
})

const HttpDesc = v.looseObject({ AuthType: v.literal('NONE') })
const TimerDesc = v.union([
  v.pipe(v.string(), v.parseJson(), v.looseObject({ cron: v.string() })),
  v.pipe(
    v.string(),
    v.transform((cron) => ({ cron })),
  ),
])

/** Makes a trigger, or changes `old`; one for http listens from then on. */
export async function putScfTrigger(
  { deployments, openUrl, closeUrl }: PlaneParts,
  body: Fields,
  old: Trigger | undefined,
): Promise<Trigger> {
  const {
    FunctionName,
    TriggerName: name,
    Type: type,
    TriggerDesc,
    Qualifier,
    Enable,
  } = v.parse(TriggerFields, body)
  const config = TriggerDesc ?? old?.config ?? '{}'
  const given = Qualifier ?? old?.qualifier ?? ''
  const qualifier = given === '$LATEST' ? '' : given
  if (old === undefined && deployments.find(FunctionName).triggers.some((it) => it.name === name))
    throw new ApiRefusal('trigger_exists', `trigger '${name}' already exists`)
  checkConfig(type, config)
  if (old !== undefined && old.port > 0) await closeUrl(old.port)
  const port = type === 'http' ? await openUrl(FunctionName, qualifier, old?.port) : 0
  const now = Date.now()
  const isEnabled = Enable === undefined ? (old?.isEnabled ?? true) : Enable === 'OPEN'
  const times = { createdAtMs: old?.createdAtMs ?? now, changedAtMs: now }
  const trigger = { name, type, qualifier, config, fields: {}, isEnabled, port, ...times }
  return deployments.putTrigger(FunctionName, trigger, old === undefined ? 'create' : 'update')
}

/** A timer's description is its cron expression, or JSON that has it. */
export function cronOf(config: string): string {
  return v.parse(TimerDesc, config).cron
}

function checkConfig(type: 'http' | 'timer', config: string): void {
  if (type === 'timer') return void parseCron(cronOf(config), ZONE_HOURS)
  v.parse(HttpDesc, JSON.parse(config), {
    message: 'AuthType must be NONE: the local control plane has no other',
  })
}
