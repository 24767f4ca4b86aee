import { binaryCloudEvent, givenCloudEvent } from './cloud-events.ts'
import type { Contract } from './contract.ts'
import { local } from './local.ts'

/**
 * Knative Serving: a bare container that also takes CloudEvents, at its root, in both modes.
 *
 * @see https://knative.dev/docs/serving/runtime-contract, CloudEvents HTTP binding 1.0.2 §3
 */
export const knative: Contract = {
  ...local,
  hook: (method, path, headers) =>
    method === 'POST' && path === '/' && isCloudEvent(headers) ? 'event' : undefined,
  events(payload, { requestId }, headers) {
    const event = binaryCloudEvent(headers, payload) ?? givenCloudEvent(payload)
    if (event !== undefined) return [event]
    return [{ specversion: '1.0', id: requestId, source: '/knative', type: 'knative.event', data: payload }]
  },
}

function isCloudEvent(headers: Headers): boolean {
  const type = headers.get('content-type') ?? ''
  return headers.has('ce-specversion') || type.startsWith('application/cloudevents+json')
}
