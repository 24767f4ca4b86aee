import { type ConversionConfig, toJsonSchema } from '@valibot/to-json-schema'
import type { GenericSchema } from 'valibot'
import { ROUTE_GUARDS } from '#shared/guard/route-guards.ts'
import { errorCode, errorMessage, type ErrorName, errorStatus } from '#shared/errors.ts'
import type { RouteDescription, RouteDescriptions } from '#shared/http/describe.ts'
import { type Route, routeName } from '#shared/http/route.ts'
import { BASE_PATH } from '#shared/http/router.ts'

export interface DescribedFunction {
  readonly name: string
  readonly routes: readonly Route[]
  readonly descriptions: RouteDescriptions
}

const ALWAYS: readonly ErrorName[] = [
  'risk_denied',
  'rate_limited',
  'internal',
  'unavailable',
  'payload_too_large',
]
const SIGNED: readonly ErrorName[] = ['bad_request', 'signature_invalid', 'request_replayed', 'clock_skew']
/** What a route for any method is listed under. */
const ANY_METHODS = ['get', 'post', 'put', 'delete']
const WITH_BODY: readonly ErrorName[] = ['invalid_json', 'validation_failed', 'unsupported_media_type']
const WITH_QUERY: readonly ErrorName[] = ['validation_failed']
const WITH_SESSION: readonly ErrorName[] = ['unauthenticated', 'token_expired', 'token_revoked']

/** The OpenAPI 3.1 document of all functions, from the schemas the routes parse with. */
export function openapiDocument(functions: readonly DescribedFunction[], version: string): object {
  const operations = functions.flatMap(operationsOf)
  const paths: Record<string, Record<string, object>> = {}
  for (const { path, method, operation } of operations) paths[path] = { ...paths[path], [method]: operation }
  return {
    openapi: '3.1.0',
    info: { title: 'Xiaohan 小函', version, description: 'Serverless backend for WeChat mini-programs.' },
    servers: [{ url: BASE_PATH }],
    tags: functions.map(({ name }) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        session: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        signature: {
          type: 'apiKey',
          in: 'header',
          name: 'X-Signature',
          description: 'v1;kid=…;ts=…;nonce=…;sig=…, see docs/signing.md',
        },
      },
      schemas: { Error: ERROR_SCHEMA },
    },
  }
}

const ERROR_SCHEMA = {
  type: 'object',
  required: ['code', 'error', 'message', 'details', 'requestId'],
  properties: {
    code: { type: 'integer', description: 'HTTP status × 100 + n' },
    error: { type: 'string' },
    message: { type: 'string', description: 'for people; zh or en by Accept-Language' },
    details: { type: 'array', items: { type: 'object' } },
    requestId: { type: 'string' },
  },
}

function operationsOf({ name, routes, descriptions }: DescribedFunction) {
  const known = routes.map(routeName)
  const unknown = Object.keys(descriptions).filter((key) => !known.includes(key))
  if (unknown.length > 0)
    throw new TypeError(`${name} describes routes that do not exist: ${unknown.join(', ')}`)
  return routes.flatMap((route) => {
    const description = descriptions[routeName(route)]
    if (description === undefined) throw new TypeError(`${name} does not describe ${routeName(route)}`)
    const methods = route.method === 'ANY' ? ANY_METHODS : [route.method.toLowerCase()]
    return methods.map((method) => ({
      path: route.path,
      method,
      operation: operationOf(name, { route, method, description }),
    }))
  })
}

interface Operation {
  readonly route: Route
  readonly method: string
  readonly description: RouteDescription
}

function operationOf(tag: string, { route, method, description }: Operation): object {
  const parameters = [...pathParameters(route), ...queryParameters(route), ...headerParameters(description)]
  return {
    tags: [tag],
    summary: description.summary,
    operationId: `${method}${route.path.replaceAll(/[/{}-]+(\w?)/g, (_, letter: string) => letter.toUpperCase())}`,
    ...security(route, description),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined ? {} : { requestBody: requestBody(route) }),
    responses: { ...answers(description), ...failures(route, description) },
  }
}

/** Schemes in one object are wanted together; a further object is another way in. */
function security(route: Route, { auth }: RouteDescription): object {
  if (auth === 'none') return {}
  if (auth === 'partner') return { security: [{ signature: [] }, { session: [] }] }
  const { signature = 'optional' } = ROUTE_GUARDS[routeName(route)] ?? {}
  return { security: [{ session: [], ...(signature === 'optional' ? {} : { signature: [] }) }] }
}

function requestBody(route: Route): object {
  return {
    required: route.bodyOptional !== true,
    content: { 'application/json': { schema: route.body && schemaOf(route.body) } },
  }
}

function pathParameters({ path }: Route): object[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
}

function queryParameters({ query }: Route): object[] {
  if (query === undefined) return []
  const { properties = {}, required = [] } = schemaOf(query)
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }))
}

function headerParameters({ idempotent }: RouteDescription): object[] {
  if (idempotent !== true) return []
  return [
    { name: 'Idempotency-Key', in: 'header', required: false, schema: { type: 'string', maxLength: 255 } },
  ]
}

function answers({ answers }: RouteDescription): Record<string, object> {
  const entries = Object.entries(answers).map(([status, data]) => {
    const schema = {
      type: 'object',
      required: ['code', 'data', 'requestId'],
      properties: { code: { const: 0 }, data: schemaOf(data), requestId: { type: 'string' } },
    }
    return [status, { description: 'Success', content: { 'application/json': { schema } } }]
  })
  return Object.fromEntries(entries)
}

/** Failures by status; several errors may share one. */
function failures(route: Route, { auth, errors = [] }: RouteDescription): Record<string, object> {
  const all = new Set<ErrorName>([
    ...(route.body === undefined ? [] : WITH_BODY),
    ...(route.query === undefined ? [] : WITH_QUERY),
    ...(auth === 'none' ? [] : [...WITH_SESSION, ...SIGNED]),
    ...(auth === 'admin' || auth === 'partner' ? (['forbidden'] as const) : []),
    ...errors,
    ...ALWAYS,
  ])
  const byStatus = Map.groupBy(
    [...all].sort((a, b) => errorCode(a) - errorCode(b)),
    errorStatus,
  )
  return Object.fromEntries(
    [...byStatus].map(([status, names]) => [
      String(status),
      {
        description: names
          .map((name) => `${errorCode(name)} ${name}: ${errorMessage(name, 'en')}`)
          .join('\n'),
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    ]),
  )
}

const CONVERSION: ConversionConfig = { target: 'draft-2020-12', typeMode: 'input', errorMode: 'ignore' }

function schemaOf(schema: GenericSchema): ReturnType<typeof toJsonSchema> {
  const { $schema: _, ...rest } = toJsonSchema(schema, CONVERSION)
  return rest
}
