import { Fault } from '#shared/errors.ts'
import { CallError } from './call-error.ts'
import { fetchAnswer, type OutboundCall, targetOf } from './fetch-answer.ts'

export interface JsonCall extends Omit<OutboundCall, 'body'> {
  /** Sent as JSON in UTF-8. */
  readonly body?: unknown
}

/**
 * Makes one HTTP call and answers with the JSON of a 2xx response, not yet checked. Never follows a redirect and
 * never tries again: whether that is safe is for the caller to know (`neverSent` tells).
 *
 * @throws Fault upstream_timeout when `timeoutMs` or the caller's deadline passes first
 * @throws Fault upstream_failed for a connection that failed, any other status, or an answer that is too long or not JSON
 */
export async function fetchJson({ body, ...call }: JsonCall, signal: AbortSignal): Promise<unknown> {
  const headers = {
    accept: 'application/json',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...call.headers,
  }
  const text = body === undefined ? undefined : JSON.stringify(body)
  const answer = await fetchAnswer({ ...call, headers, body: text }, signal)
  if (answer.status < 200 || answer.status > 299) throw failed(call, `HTTP ${answer.status}`)
  try {
    return JSON.parse(new TextDecoder().decode(answer.body))
  } catch {
    // The parser's message quotes the answer, which may hold a session key.
    throw failed(call, 'not JSON')
  }
}

function failed(call: Pick<OutboundCall, 'method' | 'url'>, code: string): Fault {
  return new Fault('upstream_failed', { cause: new CallError(targetOf(call), code, 'maybe') })
}
