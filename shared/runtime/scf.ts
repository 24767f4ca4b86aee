import { givenCloudEvent, storageEvents } from './cloud-events.ts'
import { type Contract, durationHeader, fields, requestIdHeader } from './contract.ts'

/** SCF's default when a function sets none. */
const DEFAULT_TIMEOUT_MS = 3_000
/** The longest timeout of a function that answers a caller. */
const MAX_TIMEOUT_S = 900

/** Tencent Cloud SCF, web functions and image functions. It writes its own START and END lines. */
export const scf: Contract = {
  platform: 'scf',
  freezes: true,

  call: (headers, peer) => ({
    requestId: requestIdHeader(headers, 'x-scf-request-id'),
    clientIp: headers.get('x-scf-remote-addr') ?? peer,
    timeoutMs: timeoutMs(headers),
  }),

  // A web function gets its clients' paths as they are, this one included: the instance takes it for an event only
  // where the app handles events, or where it is told that this is an event function, which no client reaches directly.
  hook: (method, path) => (method === 'POST' && path === '/event-invoke' ? 'event' : undefined),

  vouchesForEvents: false,

  events(payload, { requestId }) {
    const given = givenCloudEvent(payload)
    if (given !== undefined) return [given]
    const stored = storageEvents(payload, requestId)
    if (stored.length > 0) return stored
    const { Type, TriggerName, Time, Message } = fields(payload)
    if (Type !== 'Timer' || typeof TriggerName !== 'string' || typeof Time !== 'string') {
      return [{ specversion: '1.0', id: requestId, source: '/scf', type: 'scf.event', data: payload }]
    }
    const source = `/scf/timers/${encodeURIComponent(TriggerName)}`
    return [{ specversion: '1.0', id: requestId, source, type: 'timer', time: Time, data: Message }]
  },

  eventFailed: () => new Response(null, { status: 500 }),

  markers: () => undefined,
}

/** The documentation names no unit: a number beyond the longest timeout in seconds can only be milliseconds. */
function timeoutMs(headers: Headers): number {
  const value = durationHeader(headers, 'x-scf-timeout', 1, DEFAULT_TIMEOUT_MS)
  return value > MAX_TIMEOUT_S ? value : value * 1_000
}
