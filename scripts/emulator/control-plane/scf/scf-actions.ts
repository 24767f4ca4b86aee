import * as v from 'valibot'
import { type ApiCall, headerOf } from '#scripts/emulator/control-plane/api-call.ts'
import { ApiRefusal } from '#scripts/emulator/control-plane/api-refusal.ts'
import type { ApiAnswer, PlaneParts } from '#scripts/emulator/control-plane/platform.ts'
import type { Fields } from '#scripts/emulator/control-plane/world.ts'
import { putScfAlias, putScfTrigger } from './scf-changes.ts'
import { invoke } from './scf-invoke.ts'
import { aliasView, domainView, functionView, triggerView, versionView } from './scf-views.ts'

/** What an action answers, without its request id. */
type Action = (body: Fields, parts: PlaneParts, requestId: string) => Promise<Fields> | Fields

const Code = v.looseObject({ ImageConfig: v.looseObject({ ImageUri: v.string() }) })
const Named = v.looseObject({ FunctionName: v.string() })
const Paged = v.object({ Offset: v.optional(v.number(), 0), Limit: v.optional(v.number(), 20) })

const ACTIONS: Readonly<Record<string, Action>> = {
  CreateFunction(body, { deployments }) {
    const { FunctionName: name, ...fields } = v.parse(v.looseObject({ ...Named.entries, Code }), body)
    deployments.create(name, fields)
    putScfAlias(deployments, { Name: '$DEFAULT', FunctionName: name, FunctionVersion: '$LATEST' }, undefined)
    return {}
  },
  GetFunction(body, { deployments }) {
    const deployed = deployments.find(nameIn(body))
    const qualifier = text(body, 'Qualifier') || '$LATEST'
    const version = deployed.aliases.find((it) => it.name === qualifier)?.version ?? qualifier
    return functionView(deployed, deployments.revision(deployed, version))
  },
  ListFunctions(body, { deployments: { world } }) {
    const wanted = text(body, 'SearchKey')
    const functions = world.functions.filter(({ name }) => name.includes(wanted))
    return { Functions: paged(functions, body).map((it) => functionView(it)), TotalCount: functions.length }
  },
  UpdateFunctionCode(body, { deployments, runner }) {
    const { Code: code } = v.parse(v.looseObject({ Code }), body)
    deployments.change(nameIn(body), { Code: code })
    runner.prune()
    return {}
  },
  UpdateFunctionConfiguration(body, { deployments, runner }) {
    const { FunctionName: name, Namespace: _, ...fields } = v.parse(Named, body)
    deployments.change(name, fields)
    runner.prune()
    return {}
  },
  async DeleteFunction(body, { deployments, runner, closeUrl }) {
    const qualifier = text(body, 'Qualifier')
    if (qualifier !== '') deployments.removeVersion(nameIn(body), qualifier)
    else await Promise.all(deployments.remove(nameIn(body)).triggers.map(({ port }) => closeUrl(port)))
    runner.prune()
    return {}
  },
  PublishVersion(body, { deployments }) {
    const revision = deployments.publish(nameIn(body), text(body, 'Description'))
    const { MemorySize, Timeout } = revision.fields
    return {
      FunctionVersion: revision.version,
      Description: revision.description,
      MemorySize,
      Timeout,
      Namespace: 'default',
    }
  },
  ListVersionByFunction(body, { deployments }) {
    const { latest, versions } = deployments.find(nameIn(body))
    const all = [latest, ...versions.toReversed()]
    return {
      FunctionVersion: all.map(({ version }) => version),
      Versions: paged(all, body).map(versionView),
      TotalCount: all.length,
    }
  },
  DeleteFunctionVersion(body, { deployments, runner }) {
    deployments.removeVersion(nameIn(body), text(body, 'Qualifier'))
    runner.prune()
    return {}
  },
  CreateAlias(body, { deployments }) {
    putScfAlias(deployments, body, undefined)
    return {}
  },
  GetAlias: (body, { deployments }) => aliasView(deployments.alias(nameIn(body), text(body, 'Name'))),
  ListAliases(body, { deployments }) {
    const { aliases } = deployments.find(nameIn(body))
    return { Aliases: aliases.map(aliasView), TotalCount: aliases.length }
  },
  UpdateAlias(body, { deployments }) {
    putScfAlias(deployments, body, deployments.alias(nameIn(body), text(body, 'Name')))
    return {}
  },
  DeleteAlias(body, { deployments }) {
    deployments.removeAlias(nameIn(body), text(body, 'Name'))
    return {}
  },
  CreateTrigger: async (body, parts) => ({
    TriggerInfo: triggerView(await putScfTrigger(parts, body, undefined)),
  }),
  async UpdateTrigger(body, parts) {
    await putScfTrigger(parts, body, parts.deployments.trigger(nameIn(body), text(body, 'TriggerName')))
    return {}
  },
  ListTriggers(body, { deployments }) {
    const { triggers } = deployments.find(nameIn(body))
    return { Triggers: paged(triggers, body).map(triggerView), TotalCount: triggers.length }
  },
  async DeleteTrigger(body, { deployments, closeUrl }) {
    await closeUrl(deployments.removeTrigger(nameIn(body), text(body, 'TriggerName')).port)
    return {}
  },
  Invoke: (body, parts, requestId) => invoke(body, requestId, parts, '$LATEST'),
  InvokeFunction: (body, parts, requestId) => invoke(body, requestId, parts, '$DEFAULT'),
  GetFunctionLogs(body, { deployments, runner }) {
    const { name } = deployments.find(nameIn(body))
    const lines = runner.logs(name)
    const ordered = text(body, 'Order') === 'asc' ? lines : lines.toReversed()
    const data = paged(ordered, body).map(({ atMs, text: log }) => ({
      FunctionName: name,
      StartTime: new Date(atMs).toISOString(),
      Log: log,
    }))
    return { Data: data, TotalCount: lines.length }
  },
  CreateCustomDomain(body, { deployments }) {
    const now = Date.now()
    deployments.putDomain(
      { name: text(body, 'Domain'), fields: body, createdAtMs: now, changedAtMs: now },
      'create',
    )
    return {}
  },
  UpdateCustomDomain(body, { deployments }) {
    const old = deployments.domain(text(body, 'Domain'))
    deployments.putDomain({ ...old, fields: { ...old.fields, ...body }, changedAtMs: Date.now() }, 'update')
    return {}
  },
  GetCustomDomain: (body, { deployments }) => domainView(deployments.domain(text(body, 'Domain'))),
  ListCustomDomains: (_, { deployments: { world } }) => ({
    Domains: world.domains.map(domainView),
    Total: world.domains.length,
  }),
  DeleteCustomDomain(body, { deployments }) {
    deployments.removeDomain(text(body, 'Domain'))
    return {}
  },
}

export function scfActionOf(call: ApiCall): string {
  return headerOf(call, 'x-tc-action')
}

export async function answerScf(call: ApiCall, requestId: string, parts: PlaneParts): Promise<ApiAnswer> {
  const name = scfActionOf(call)
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined
  if (action === undefined) throw new ApiRefusal('unknown_call', `The action ${name} is unknown`)
  const body = v.parse(
    v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.unknown())),
    call.body.toString(),
  )
  return {
    status: 200,
    body: { Response: { ...(await action(body, parts, requestId)), RequestId: requestId } },
  }
}

function nameIn(body: Fields): string {
  return v.parse(Named, body).FunctionName
}

/** A text of the body; empty where it has none. */
function text(body: Fields, name: string): string {
  return v.parse(v.optional(v.string(), ''), body[name])
}

function paged<T>(items: readonly T[], body: Fields): readonly T[] {
  const { Offset: from, Limit: count } = v.parse(Paged, body)
  return items.slice(from, from + count)
}
