import * as v from 'valibot'
import type { ApiCall } from '#scripts/emulator/control-plane/api-call.ts'
import { ApiRefusal } from '#scripts/emulator/control-plane/api-refusal.ts'
import type { ApiAnswer, PlaneParts } from '#scripts/emulator/control-plane/platform.ts'
import type { Fields } from '#scripts/emulator/control-plane/world.ts'
import { aliasView, domainView, functionView, triggerView, versionView } from './fc-views.ts'
import { invoke } from './fc-invoke.ts'
import { putFcAlias, putFcTrigger } from './fc-changes.ts'

/** A call whose path has been read: `names` are the path's own parts, in their order. */
interface Read {
  readonly call: ApiCall
  readonly names: readonly [string, string]
  readonly requestId: string
  readonly parts: PlaneParts
}

type Route = (read: Read) => Promise<ApiAnswer> | ApiAnswer
type Row = readonly [action: string, method: string, path: RegExp, route: Route]

const F = '^/2023-03-30/functions'
const D = '^/2023-03-30/custom-domains'
const ok = (body: Fields): ApiAnswer => ({ status: 200, body })
const gone: ApiAnswer = { status: 204 }

const ROWS: readonly Row[] = [
  [
    'CreateFunction',
    'POST',
    at(`${F}$`),
    ({ call, parts: { deployments } }) => {
      const fields = v.parse(v.looseObject({ functionName: Name, runtime: v.string() }), json(call))
      return ok(functionView(deployments.create(fields.functionName, fields)))
    },
  ],
  [
    'ListFunctions',
    'GET',
    at(`${F}$`),
    ({ call, parts: { deployments } }) => {
      const prefix = call.query.get('prefix') ?? ''
      const functions = deployments.world.functions.filter(({ name }) => name.startsWith(prefix))
      return ok({ functions: functions.map((it) => functionView(it)) })
    },
  ],
  [
    'GetFunction',
    'GET',
    at(`${F}/([^/]+)$`),
    ({ call, names: [name], parts: { deployments } }) => {
      const deployed = deployments.find(name)
      const qualifier = call.query.get('qualifier') ?? 'LATEST'
      const version = deployed.aliases.find((it) => it.name === qualifier)?.version ?? qualifier
      return ok(functionView(deployed, deployments.revision(deployed, version)))
    },
  ],
  [
    'UpdateFunction',
    'PUT',
    at(`${F}/([^/]+)$`),
    ({ call, names: [name], parts: { deployments, runner } }) => {
      const deployed = deployments.change(name, json(call))
      runner.prune()
      return ok(functionView(deployed))
    },
  ],
  [
    'DeleteFunction',
    'DELETE',
    at(`${F}/([^/]+)$`),
    async ({ names: [name], parts }) => {
      const { triggers } = parts.deployments.remove(name)
      parts.runner.prune()
      await Promise.all(triggers.map(({ port }) => parts.closeUrl(port)))
      return gone
    },
  ],
  [
    'PublishFunctionVersion',
    'POST',
    at(`${F}/([^/]+)/versions$`),
    ({ call, names: [name], parts: { deployments } }) =>
      ok(versionView(deployments.publish(name, v.parse(Described, json(call)).description))),
  ],
  [
    'ListFunctionVersions',
    'GET',
    at(`${F}/([^/]+)/versions$`),
    ({ call, names: [name], parts: { deployments } }) => {
      const { versions } = deployments.find(name)
      const ordered = call.query.get('direction') === 'FORWARD' ? versions : versions.toReversed()
      return ok({ direction: call.query.get('direction') ?? 'BACKWARD', versions: ordered.map(versionView) })
    },
  ],
  [
    'DeleteFunctionVersion',
    'DELETE',
    at(`${F}/([^/]+)/versions/([^/]+)$`),
    ({ names: [name, version], parts }) => {
      parts.deployments.removeVersion(name, version)
      parts.runner.prune()
      return gone
    },
  ],
  [
    'CreateAlias',
    'POST',
    at(`${F}/([^/]+)/aliases$`),
    ({ call, names: [name], parts: { deployments } }) =>
      ok(aliasView(putFcAlias(deployments, name, json(call), undefined))),
  ],
  [
    'ListAliases',
    'GET',
    at(`${F}/([^/]+)/aliases$`),
    ({ names: [name], parts: { deployments } }) =>
      ok({ aliases: deployments.find(name).aliases.map(aliasView) }),
  ],
  [
    'GetAlias',
    'GET',
    at(`${F}/([^/]+)/aliases/([^/]+)$`),
    ({ names, parts: { deployments } }) => ok(aliasView(deployments.alias(...names))),
  ],
  [
    'UpdateAlias',
    'PUT',
    at(`${F}/([^/]+)/aliases/([^/]+)$`),
    ({ call, names, parts: { deployments } }) =>
      ok(aliasView(putFcAlias(deployments, names[0], json(call), deployments.alias(...names)))),
  ],
  [
    'DeleteAlias',
    'DELETE',
    at(`${F}/([^/]+)/aliases/([^/]+)$`),
    ({ names, parts: { deployments } }) => {
      deployments.removeAlias(...names)
      return gone
    },
  ],
  [
    'CreateTrigger',
    'POST',
    at(`${F}/([^/]+)/triggers$`),
    async ({ call, names: [name], parts }) =>
      ok(triggerView(name, await putFcTrigger(parts, name, json(call), undefined))),
  ],
  [
    'ListTriggers',
    'GET',
    at(`${F}/([^/]+)/triggers$`),
    ({ names: [name], parts: { deployments } }) =>
      ok({ triggers: deployments.find(name).triggers.map((it) => triggerView(name, it)) }),
  ],
  [
    'GetTrigger',
    'GET',
    at(`${F}/([^/]+)/triggers/([^/]+)$`),
    ({ names, parts: { deployments } }) => ok(triggerView(names[0], deployments.trigger(...names))),
  ],
  [
    'UpdateTrigger',
    'PUT',
    at(`${F}/([^/]+)/triggers/([^/]+)$`),
    async ({ call, names, parts }) =>
      ok(
        triggerView(
          names[0],
          await putFcTrigger(parts, names[0], json(call), parts.deployments.trigger(...names)),
        ),
      ),
  ],
  [
    'DeleteTrigger',
    'DELETE',
    at(`${F}/([^/]+)/triggers/([^/]+)$`),
    async ({ names, parts }) => {
      await parts.closeUrl(parts.deployments.removeTrigger(...names).port)
      return gone
    },
  ],
  [
    'InvokeFunction',
    'POST',
    at(`${F}/([^/]+)/invocations$`),
    ({ call, names: [name], requestId, parts }) =>
      invoke(call, requestId, parts, { name, qualifier: call.query.get('qualifier') ?? '' }),
  ],
  [
    'InvokeFunction',
    'POST',
    at('^/2016-08-15/services/([^/]+)/functions/([^/]+)/invocations$'),
    ({ call, names: [service, name], requestId, parts }) =>
      invoke(call, requestId, parts, { name, qualifier: service.split('.')[1] ?? '' }),
  ],
  [
    'PutConcurrencyConfig',
    'PUT',
    at(`${F}/([^/]+)/concurrency$`),
    ({ call, names: [name], parts: { deployments } }) => {
      const { reservedConcurrency } = v.parse(v.object({ reservedConcurrency: v.number() }), json(call))
      deployments.find(name).reservedConcurrency = reservedConcurrency
      deployments.save()
      return ok({ functionArn: functionView(deployments.find(name))['functionArn'], reservedConcurrency })
    },
  ],
  [
    'CreateCustomDomain',
    'POST',
    at(`${D}$`),
    ({ call, parts: { deployments } }) => {
      const fields = v.parse(v.looseObject({ domainName: v.string() }), json(call))
      const now = Date.now()
      const domain = { name: fields.domainName, fields, createdAtMs: now, changedAtMs: now }
      return ok(domainView(deployments.putDomain(domain, 'create')))
    },
  ],
  [
    'ListCustomDomains',
    'GET',
    at(`${D}$`),
    ({ parts: { deployments } }) => ok({ customDomains: deployments.world.domains.map(domainView) }),
  ],
  [
    'GetCustomDomain',
    'GET',
    at(`${D}/([^/]+)$`),
    ({ names: [name], parts: { deployments } }) => ok(domainView(deployments.domain(name))),
  ],
  [
    'UpdateCustomDomain',
    'PUT',
    at(`${D}/([^/]+)$`),
    ({ call, names: [name], parts: { deployments } }) => {
      const old = deployments.domain(name)
      const changed = { ...old, fields: { ...old.fields, ...json(call) }, changedAtMs: Date.now() }
      return ok(domainView(deployments.putDomain(changed, 'update')))
    },
  ],
  [
    'DeleteCustomDomain',
    'DELETE',
    at(`${D}/([^/]+)$`),
    ({ names: [name], parts: { deployments } }) => {
      deployments.removeDomain(name)
      return gone
    },
  ],
]

const Described = v.object({ description: v.optional(v.string(), '') })
const Name = v.pipe(v.string(), v.regex(/^[A-Za-z_][\w-]{0,63}$/, 'functionName is not a valid name'))

export function fcActionOf(call: ApiCall): string {
  return rowOf(call)?.[0] ?? ''
}

export async function answerFc(call: ApiCall, requestId: string, parts: PlaneParts): Promise<ApiAnswer> {
  const row = rowOf(call)
  if (row === undefined)
    throw new ApiRefusal('unknown_call', `'${call.method}' against '${call.path}' is not supported`)
  const [first = '', second = ''] = (row[2].exec(call.path) ?? []).slice(1).map(decodeURIComponent)
  return row[3]({ call, names: [first, second], requestId, parts })
}

function rowOf({ method, path }: ApiCall): Row | undefined {
  return ROWS.find(([, wanted, pattern]) => wanted === method && pattern.test(path))
}

function json({ body }: ApiCall): Fields {
  if (body.length === 0) return {}
  return v.parse(v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.unknown())), body.toString())
}

function at(pattern: string): RegExp {
  return new RegExp(pattern)
}
