import type { Clock } from '#shared/clock.ts'
import { Fault } from '#shared/errors.ts'
import { CallError } from './call-error.ts'
import { type Named, type OutboundCall, targetOf } from './fetch-answer.ts'
import { httpRefusal } from './http-refusal.ts'
import type { MakeCall } from './outbound.ts'

export interface JsonPorts {
  readonly makeCall: MakeCall
  readonly clock: Clock
}

export interface JsonCall extends Omit<OutboundCall, 'body'> {
  /** Sent as JSON in UTF-8. */
  readonly body?: unknown
}

/**
 * Makes a call and answers with the JSON of a 2xx response, not yet checked.
 *
 * @throws Fault as the call does, and upstream_failed for any other status, or an answer that is not JSON
 */
export async function fetchJson(
  { makeCall, clock }: JsonPorts,
  { body, ...call }: JsonCall,
  signal: AbortSignal,
): Promise<unknown> {
  const headers = {
    accept: 'application/json',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...call.headers,
  }
  const text = body === undefined ? undefined : JSON.stringify(body)
  const answer = await makeCall({ ...call, headers, body: text }, signal)
  if (answer.status < 200 || answer.status > 299) throw httpRefusal(call, answer, clock())
  try {
    return JSON.parse(new TextDecoder().decode(answer.body))
  } catch {
    // The parser's message quotes the answer, which may hold a session key.
    throw failed(call, 'not JSON')
  }
}

function failed(call: Named, code: string): Fault {
  return new Fault('upstream_failed', { cause: new CallError(targetOf(call), code, 'maybe') })
}
