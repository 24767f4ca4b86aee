import type {
  Alias,
  Deployed,
  Domain,
  Fields,
  Revision,
  Trigger,
} from '#scripts/emulator/control-plane/world.ts'

const ACCOUNT = '1000000000000000'

export function functionView(deployed: Deployed, revision: Revision = deployed.latest): Fields {
  const { name, state, isNew, reason } = deployed
  const first = { changing: 'Pending', active: 'Active', failed: 'Failed' } as const
  const update = { changing: 'InProgress', active: 'Successful', failed: 'Failed' } as const
  return {
    ...revision.fields,
    functionName: name,
    functionId: name,
    functionArn: `acs:fc:cn-local:${ACCOUNT}:functions/${name}`,
    createdTime: timeText(deployed.createdAtMs),
    lastModifiedTime: timeText(revision.changedAtMs),
    state: isNew ? first[state] : 'Active',
    stateReason: isNew ? reason : '',
    lastUpdateStatus: update[state],
    lastUpdateStatusReason: reason,
  }
}

export function versionView({ version, description, changedAtMs }: Revision): Fields {
  const time = timeText(changedAtMs)
  return { versionId: version, description, createdTime: time, lastModifiedTime: time }
}

export function aliasView({ name, version, weights, description, ...alias }: Alias): Fields {
  return {
    aliasName: name,
    versionId: version,
    additionalVersionWeight: weights,
    description,
    ...timesOf(alias),
  }
}

export function triggerView(
  functionName: string,
  { name, type, qualifier, config, fields, ...trigger }: Trigger,
): Fields {
  const url = `http://127.0.0.1:${trigger.port}`
  return {
    ...fields,
    triggerName: name,
    triggerId: `${functionName}-${name}`,
    triggerType: type,
    triggerConfig: config,
    qualifier: qualifier === '' ? 'LATEST' : qualifier,
    ...(type === 'http' ? { httpTrigger: { urlInternet: url, urlIntranet: url } } : {}),
    ...timesOf(trigger),
  }
}

export function domainView({ name, fields, ...domain }: Domain): Fields {
  return { ...fields, domainName: name, accountId: ACCOUNT, apiVersion: '2023-03-30', ...timesOf(domain) }
}

function timesOf(it: { readonly createdAtMs: number; readonly changedAtMs: number }): Fields {
  return { createdTime: timeText(it.createdAtMs), lastModifiedTime: timeText(it.changedAtMs) }
}

function timeText(ms: number): string {
  return new Date(ms).toISOString()
}
