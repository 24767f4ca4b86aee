import type {
  Alias,
  Deployed,
  Domain,
  Fields,
  Revision,
  Trigger,
} from '#scripts/emulator/control-plane/world.ts'

const STATUS = {
  new: { changing: 'Creating', active: 'Active', failed: 'CreateFailed' },
  old: { changing: 'Updating', active: 'Active', failed: 'UpdateFailed' },
} as const

export function functionView(deployed: Deployed, revision: Revision = deployed.latest): Fields {
  const { name, createdAtMs, triggers, reason } = deployed
  const { Code: code, ...fields } = revision.fields
  const isLatest = revision === deployed.latest
  return {
    ...fields,
    FunctionName: name,
    FunctionId: `lam-${name}`,
    FunctionVersion: revision.version,
    Namespace: 'default',
    Status: isLatest ? STATUS[deployed.isNew ? 'new' : 'old'][deployed.state] : 'Active',
    StatusDesc: isLatest ? reason : '',
    StatusReasons: isLatest && reason !== '' ? [{ ErrorCode: 'InvalidImage', ErrorMessage: reason }] : [],
    AvailableStatus: 'Available',
    ImageConfig: imageConfigOf(code),
    Triggers: triggers.map(triggerView),
    AddTime: timeText(createdAtMs),
    ModTime: timeText(revision.changedAtMs),
  }
}

export function versionView({ version, description, changedAtMs }: Revision): Fields {
  const time = timeText(changedAtMs)
  return { Version: version, Description: description, AddTime: time, ModTime: time, Status: 'Active' }
}

export function aliasView({ name, version, weights, description, ...alias }: Alias): Fields {
  const shares = Object.entries(weights).map(([Version, Weight]) => ({ Version, Weight }))
  return {
    Name: name,
    FunctionVersion: version,
    RoutingConfig: { AdditionalVersionWeights: shares, AddtionVersionMatchs: [] },
    Description: description,
    AddTime: timeText(alias.createdAtMs),
    ModTime: timeText(alias.changedAtMs),
  }
}

export function triggerView({ name, type, qualifier, config, fields, ...trigger }: Trigger): Fields {
  return {
    ...fields,
    TriggerName: name,
    Type: type,
    Qualifier: qualifier === '' ? '$LATEST' : qualifier,
    TriggerDesc: type === 'http' ? withUrls(config, `http://127.0.0.1:${trigger.port}`) : config,
    Enable: trigger.isEnabled ? 1 : 0,
    AvailableStatus: 'Available',
    BindStatus: 'on',
    AddTime: timeText(trigger.createdAtMs),
    ModTime: timeText(trigger.changedAtMs),
  }
}

export function domainView({ name, fields }: Domain): Fields {
  return { ...fields, Domain: name }
}

function imageConfigOf(code: unknown): unknown {
  return typeof code === 'object' && code !== null && 'ImageConfig' in code ? code.ImageConfig : undefined
}

/** The platform tells a function URL inside of the trigger's own description. */
function withUrls(config: string, url: string): string {
  const { NetConfig: net, ...desc } = Object(JSON.parse(config))
  return JSON.stringify({ ...desc, NetConfig: { ...net, ExtranetUrl: url, IntranetUrl: url } })
}

/** `2026-11-24 04:05:06`, in the platform's own zone, UTC+8. */
function timeText(ms: number): string {
  return new Date(ms + 8 * 3_600_000).toISOString().slice(0, 19).replace('T', ' ')
}
