import { randomUUID } from 'node:crypto'
import type { Cloud, Failure, FailureFacts } from '#scripts/emulator/cloud.ts'

const REGION = 'ap-local'
const APP_ID = '1250000000'
const UIN = '100000000001'

type Row = readonly [status: number, name: string, message: (facts: FailureFacts) => string]

/** SCF's status codes, which it also uses as HTTP statuses. */
const FAILURES: Readonly<Record<Failure, Row>> = {
  not_started: [405, 'ContainerStateExited', () => 'The container exited before its HTTP server was up'],
  port_closed: [446, 'PortBindingFailed', portClosed],
  crashed: [439, 'UserProcessExit', () => 'The user process exited while it handled the request'],
  timeout: [433, 'TimeLimitReached', ({ spec }) => `Invoking task timed out after ${spec.timeoutS} seconds`],
  busy: [432, 'ResourceLimitReached', () => 'The function has reached its limit of concurrent instances'],
  request_too_large: [406, 'RequestTooLarge', () => 'The request exceeds 6 MB'],
  request_headers_too_large: [406, 'RequestTooLarge', () => 'The request headers are too large'],
  target_too_long: [406, 'RequestTooLarge', () => 'The path and query are too long'],
  response_too_large: [407, 'ResponseTooLarge', () => 'The size of response exceeds the upper limit (6MB)'],
  response_headers_too_large: [407, 'ResponseTooLarge', () => 'The response headers exceed 4 KB'],
}

/** Tencent Cloud SCF, a web-type image function behind a function URL. */
export const scfCloud: Cloud = {
  name: 'scf',
  limits: {
    requestBodyBytes: 6 * 1024 * 1024,
    requestHeaderBytes: 16 * 1024,
    targetBytes: 16 * 1024,
    responseBodyBytes: 6 * 1024 * 1024,
    responseHeaderBytes: 4 * 1024,
    startMs: 30_000,
  },
  retried: new Set(),
  reservedRequestHeader: /^(x-scf-.*|x-fc-.*|connection|keep-alive)$/i,
  reservedResponseHeader: /^(x-scf-.*|connection|keep-alive)$/i,
  hooks: false,
  requestId: () => randomUUID(),
  env: (spec, port) => ({
    TENCENTCLOUD_RUNENV: 'SCF',
    TENCENTCLOUD_REGION: REGION,
    TENCENTCLOUD_APPID: APP_ID,
    TENCENTCLOUD_UIN: UIN,
    SCF_FUNCTIONNAME: spec.name,
    SCF_FUNCTIONVERSION: '$LATEST',
    USER_CODE_ROOT: '/var/user/',
    USER: 'qcloud',
    // The cloud's port is always 9000; on one machine each instance needs its own.
    PORT: String(port),
  }),
  requestHeaders: (spec, { requestId, clientIp }) => ({
    'x-scf-request-id': requestId,
    'x-scf-remote-addr': clientIp,
    'x-scf-name': spec.name,
    'x-scf-namespace': 'default',
    'x-scf-version': '$LATEST',
    'x-scf-region': REGION,
    'x-scf-appid': APP_ID,
    'x-scf-uin': UIN,
    'x-scf-memory': String(spec.memoryMb),
    'x-scf-timeout': String(spec.timeoutS),
  }),
  hookHeaders: () => ({}),
  responseHeaders: (id) => ({ 'x-scf-request-id': id }),
  failure(failure, facts) {
    const [status, name, message] = FAILURES[failure]
    const body = { errorCode: status, errorMessage: `${name}: ${message(facts)}`, requestId: facts.requestId }
    const headers = { 'content-type': 'application/json', 'x-scf-status': String(status) }
    return { status, headers, body: JSON.stringify(body) }
  },
}

function portClosed(): string {
  return 'The request timed out in 30000ms.Please confirm your http server have enabled listening on port 9000.'
}
