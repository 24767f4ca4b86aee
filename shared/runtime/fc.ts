import { givenCloudEvent, storageEvents } from './cloud-events.ts'
import { type Contract, durationHeader, fields, type Hook, requestIdHeader } from './contract.ts'

/** FC's default when a function sets none. */
const DEFAULT_TIMEOUT_MS = 3_000

const HOOKS: Readonly<Record<string, Hook>> = {
  'POST /initialize': 'initialize',
  'GET /pre-stop': 'pre-stop',
  'POST /invoke': 'event',
}

/** FC prints nothing by itself for custom runtimes: its console finds a call's log by these lines. */
const MARKED = {
  request: 'Invoke',
  event: 'Invoke',
  initialize: 'Initialize',
  'pre-stop': 'PreStop',
} as const

/** Alibaba Cloud Function Compute 3.0, custom runtime and custom container. */
export const fc: Contract = {
  platform: 'fc',
  freezes: true,

  call: (headers, peer) => ({
    requestId: requestIdHeader(headers, 'x-fc-request-id'),
    clientIp: headers.get('x-fc-client-ip') ?? peer,
    timeoutMs: durationHeader(headers, 'x-fc-function-timeout', 1_000, DEFAULT_TIMEOUT_MS),
  }),

  // A client's own request carries `/http-invoke`, and FC drops every x-fc-* header a client sends: so a client that
  // posts to /invoke stays a client. Some callers of the hooks send no control path at all.
  hook: (method, path, headers) =>
    headers.get('x-fc-control-path') === '/http-invoke' ? undefined : HOOKS[`${method} ${path}`],

  vouchesForEvents: true,

  events(payload, { requestId }) {
    const given = givenCloudEvent(payload)
    if (given !== undefined) return [given]
    const stored = storageEvents(payload, requestId)
    if (stored.length > 0) return stored
    const { triggerName, triggerTime, payload: data } = fields(payload)
    if (typeof triggerName !== 'string' || typeof triggerTime !== 'string') {
      return [{ specversion: '1.0', id: requestId, source: '/fc', type: 'fc.event', data: payload }]
    }
    const source = `/fc/timers/${encodeURIComponent(triggerName)}`
    return [{ specversion: '1.0', id: requestId, source, type: 'timer', time: triggerTime, data }]
  },

  // FC reads a handler's failure from this header; the status alone says the same.
  eventFailed: () => new Response(null, { status: 404, headers: { 'x-fc-status': '404' } }),

  markers(work, requestId) {
    const line = (edge: string) => `FC ${MARKED[work]} ${edge} RequestId: ${requestId}`
    return {
      start: line('Start'),
      end: line('End'),
      failed: `${line('End')}, Error: Unhandled function error`,
    }
  },
}
