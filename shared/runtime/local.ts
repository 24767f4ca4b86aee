import type { Contract } from './contract.ts'

const TIMEOUT_MS = 60_000

/** A bare process or container: no platform vouches for any header, so none is believed. */
export const local: Contract = {
  platform: 'local',
  freezes: false,
  call: (_headers, peer) => ({ requestId: crypto.randomUUID(), clientIp: peer, timeoutMs: TIMEOUT_MS }),
  hook: () => undefined,
  vouchesForEvents: false,
  events: (payload, { requestId }) => [
    { specversion: '1.0', id: requestId, source: '/local', type: 'local.event', data: payload },
  ],
  eventFailed: () => new Response(null, { status: 500 }),
  markers: () => undefined,
}
