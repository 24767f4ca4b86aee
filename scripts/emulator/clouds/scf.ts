import { randomUUID } from 'node:crypto'
import type { FunctionSpec } from '#scripts/functions.ts'
import type { Cloud, Failure, FailureFacts } from '#scripts/emulator/cloud.ts'

const REGION = 'ap-local'
const APP_ID = '1250000000'
const UIN = '100000000001'

type Row = readonly [status: number, errorCode: number, message: (facts: FailureFacts) => string]

/**
 * SCF's status codes, which it also uses as HTTP statuses, and messages as its callers have met them. Where none is
 * known, ours says what happened. 434 (out of memory) is not among them: no process here has a limit of memory.
 *
 * @see https://cloud.tencent.com/document/product/583/42611
 */
const FAILURES: Readonly<Record<Failure, Row>> = {
  not_started: [405, -1, () => 'ContainerStateExited: the container exited before its HTTP server was up'],
  port_closed: [446, -1, portClosed],
  crashed: [439, 1, () => 'Process exited before completing request'],
  timeout: [433, -1, ({ spec }) => `Invoking task timed out after ${spec.timeoutS} seconds`],
  busy: [432, -1, ({ spec }) => `Function [${spec.name}] concurrency exceeded its quota of instances`],
  request_too_large: [406, -1, () => 'RequestTooLarge: the request exceeds 6 MB'],
  request_headers_too_large: [406, -1, () => 'RequestTooLarge: the request headers are too large'],
  target_too_long: [406, -1, () => 'RequestTooLarge: the path and query are too long'],
  response_too_large: [407, -1, () => 'The size of response exceeds the upper limit (6MB)'],
  response_headers_too_large: [407, -1, () => 'The response headers exceed 4 KB'],
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
    ...common(spec, requestId),
    'x-scf-remote-addr': clientIp,
  }),
  hookHeaders: () => ({}),
  timerEvent: (spec, { requestId, name, time }) => ({
    target: '/event-invoke',
    headers: {
      ...common(spec, requestId),
      'x-scf-trigger-src': 'Timer',
      'content-type': 'application/json',
    },
    body: { Type: 'Timer', TriggerName: name, Time: time, Message: '' },
  }),
  responseHeaders: (id) => ({ 'x-scf-request-id': id }),
  failure(failure, facts) {
    const [statusCode, errorCode, message] = FAILURES[failure]
    const body = { errorCode, errorMessage: message(facts), requestId: facts.requestId, statusCode }
    const headers = { 'content-type': 'application/json', 'x-scf-status': String(statusCode) }
    return { status: statusCode, headers, body: JSON.stringify(body) }
  },
}

function common(spec: FunctionSpec, requestId: string): Readonly<Record<string, string>> {
  return {
    'x-scf-request-id': requestId,
    'x-scf-name': spec.name,
    'x-scf-namespace': 'default',
    'x-scf-version': '$LATEST',
    'x-scf-region': REGION,
    'x-scf-appid': APP_ID,
    'x-scf-uin': UIN,
    'x-scf-memory': String(spec.memoryMb),
    'x-scf-timeout': String(spec.timeoutS),
  }
}

function portClosed(): string {
  return 'The request timed out in 30000ms.Please confirm your http server have enabled listening on port 9000.'
}
