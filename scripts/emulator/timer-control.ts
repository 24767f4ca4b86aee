import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FunctionService } from './function-service.ts'
import { mayControl } from './answer-control.ts'

/** What stands before a function's name to fire its timer. No client's path: those begin with /api/v1. */
export const TIMER_CONTROL = '/_control/timers/'

const LOCAL_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i

/**
 * `POST /_control/timers/{function}` → 200 `{status, tookMs}`, or why not as `{error}`. For programs on this machine
 * alone: who comes through a tunnel that shows the API to a phone asks for another host.
 */
export async function controlTimer(
  services: readonly FunctionService[],
  request: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const answer = (status: number, body: object) =>
    void outgoing.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
  if (!mayControl(request) || !LOCAL_HOST.test(request.headers.host ?? ''))
    return answer(403, { error: 'only programs on this machine may do this' })
  if (request.method !== 'POST') return answer(405, { error: 'fire a timer by POST' })
  const withTimer = services.filter(({ spec }) => spec.timer !== undefined)
  const name = (request.url ?? '').slice(TIMER_CONTROL.length)
  const service = withTimer.find(({ spec }) => spec.name === name)
  if (service === undefined) {
    const names = withTimer.map(({ spec }) => spec.name).join(', ') || 'none'
    return answer(404, { error: `no timer of this name; functions with one: ${names}` })
  }
  const fired = await service.fireTimer()
  return fired === 'running'
    ? answer(409, { error: 'its last event is still being worked on' })
    : answer(200, fired)
}
