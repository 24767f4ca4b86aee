import { randomBytes } from 'node:crypto'
import type { FunctionSpec } from '#scripts/functions.ts'
import type { CallFacts, Cloud, Failure, FailureFacts } from '#scripts/emulator/cloud.ts'

const ACCOUNT = '1000000000000000'
const REGION = 'cn-local'

/** An error code is the platform's own; a function's failure has none, and another body. */
type Row = readonly [
  status: number,
  errorType: 'FcCommonError' | 'UnhandledInvocationError',
  errorCode: string | undefined,
  message: (facts: FailureFacts) => string,
]

const UNHANDLED = 'UnhandledInvocationError'
const COMMON = 'FcCommonError'

/**
 * Statuses, types and codes as documented, bodies as callers have met them; where no wording is known, ours says what
 * happened. The real messages of a crash and a timeout end in figures, `(duration: 9ms, maxMemoryUsage: 49.82MB)`.
 *
 * @see https://www.alibabacloud.com/help/doc-detail/85445.htm
 */
const FAILURES: Readonly<Record<Failure, Row>> = {
  not_started: [502, UNHANDLED, 'FunctionNotStarted', notStarted],
  port_closed: [502, UNHANDLED, 'FunctionNotStarted', notStarted],
  crashed: [502, UNHANDLED, undefined, () => 'Process exited unexpectedly before completing request'],
  timeout: [502, UNHANDLED, undefined, ({ spec }) => `Function timed out after ${spec.timeoutS} seconds`],
  busy: [429, COMMON, 'ResourceExhausted', () => 'Your request is denied due to concurrency throttling'],
  request_too_large: [400, COMMON, 'InvalidArgument', () => 'The request body exceeds 32 MB'],
  request_headers_too_large: [400, COMMON, 'InvalidArgument', () => 'The request headers exceed 8 KB'],
  target_too_long: [400, COMMON, 'InvalidArgument', () => 'The path and query exceed 4 KB'],
  response_too_large: [502, UNHANDLED, 'InvalidArgument', () => 'The response body is too large'],
  response_headers_too_large: [502, UNHANDLED, 'InvalidArgument', () => 'The response headers are too large'],
}

/** Alibaba Cloud Function Compute 3.0, custom container behind an HTTP trigger or a custom domain. */
export const fcCloud: Cloud = {
  name: 'fc',
  limits: {
    requestBodyBytes: 32 * 1024 * 1024,
    requestHeaderBytes: 8 * 1024,
    targetBytes: 4 * 1024,
    responseBodyBytes: Infinity,
    responseHeaderBytes: Infinity,
    startMs: 120_000,
  },
  retried: new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']),
  reservedRequestHeader: /^(x-fc-.*|x-scf-.*|connection|keep-alive)$/i,
  reservedResponseHeader: /^(x-fc-.*|connection|content-length|date|keep-alive|server)$/i,
  hooks: true,
  requestId,
  env: (spec, port, instanceId) => ({
    FC_ACCOUNT_ID: ACCOUNT,
    FC_REGION: REGION,
    FC_FUNCTION_NAME: spec.name,
    FC_FUNCTION_HANDLER: 'index.handler',
    FC_FUNCTION_MEMORY_SIZE: String(spec.memoryMb),
    FC_FUNCTION_VERSION: 'LATEST',
    FC_INSTANCE_ID: instanceId,
    FC_SERVER_PORT: String(port),
    FC_CUSTOM_LISTEN_PORT: String(port),
  }),
  requestHeaders: (spec, call) => ({ ...common(spec, call.requestId), ...http(call) }),
  hookHeaders: (spec, id, path) => ({ ...common(spec, id), 'x-fc-control-path': path }),
  timerEvent: (spec, { requestId: id, name, time }) => ({
    target: '/invoke',
    headers: {
      ...common(spec, id),
      'x-fc-control-path': '/invoke',
      'content-type': 'application/octet-stream',
    },
    body: { triggerTime: time, triggerName: name, payload: '' },
  }),
  responseHeaders: (id) => ({ 'x-fc-request-id': id }),
  failure(failure, facts) {
    const [status, errorType, code, message] = FAILURES[failure]
    const text = message(facts)
    const body =
      code === undefined
        ? { errorMessage: text }
        : { RequestId: facts.requestId, ErrorCode: code, ErrorMessage: text }
    const headers = { 'content-type': 'application/json', 'x-fc-error-type': errorType }
    return { status, headers, body: JSON.stringify(body) }
  },
}

/** As seen on FC 3.0: `1-67a59f35-150c1267-f381ba1c085c`, the first group being the time in seconds. */
function requestId(nowMs: number): string {
  const random = randomBytes(10).toString('hex')
  return `1-${Math.floor(nowMs / 1_000).toString(16)}-${random.slice(0, 8)}-${random.slice(8)}`
}

function common(spec: FunctionSpec, id: string): Readonly<Record<string, string>> {
  return {
    'x-fc-request-id': id,
    'x-fc-account-id': ACCOUNT,
    'x-fc-region': REGION,
    'x-fc-qualifier': 'LATEST',
    'x-fc-version-id': 'LATEST',
    'x-fc-function-name': spec.name,
    'x-fc-function-handler': 'index.handler',
    'x-fc-function-memory': String(spec.memoryMb),
    'x-fc-function-timeout': String(spec.timeoutS),
  }
}

function http({ clientIp, retries }: CallFacts): Readonly<Record<string, string>> {
  return {
    'x-fc-control-path': '/http-invoke',
    'x-fc-client-ip': clientIp,
    'x-fc-retry-count': String(retries),
  }
}

/** As documented, but for the time that the start took. */
function notStarted({ port }: FailureFacts): string {
  return `The CA's http server cannot be started: Ping CA failed due to: dial tcp 127.0.0.1:${port}: getsockopt: connection refused`
}
