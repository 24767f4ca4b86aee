import { canonicalRequest, requestParts } from '#shared/signing/canonical-request.ts'
import { signRequest } from '#shared/signing/sign-request.ts'
import { parseSignature, SIGNATURE_HEADER } from '#shared/signing/signature-header.ts'
import { signWebhook } from '#shared/signing/webhook.ts'
import { type Answered, ask } from './ask.ts'
import { type Caller, callerOf } from './caller.ts'
import type { Identities } from './identities.ts'
import type { InvokeOptions } from './options.ts'

export interface InvokeSurroundings {
  readonly identities: Identities
  /** Takes a line of an answer's body. */
  readonly out: (line: string) => void
  /** Takes a line about the call. */
  readonly note: (line: string) => void
}

/** Makes the calls that the options ask for; resolves with the first answer's status. */
export async function invoke(options: InvokeOptions, surroundings: InvokeSurroundings): Promise<number> {
  const caller = await callerOf(options.caller, surroundings.identities)
  const request = await prepared(options, caller)
  if (options.show) await showText(request, caller, surroundings)
  if (options.times > 1) return burst(options, { caller, request }, surroundings)
  const first = await ask(request.clone())
  showAnswer(first, options, surroundings)
  if (options.replay) {
    surroundings.note('\nThe same request again:')
    showAnswer(await ask(request), options, surroundings)
  }
  return first.status
}

/** A request of its own: signed ones are used up by the first call. */
async function prepared(
  { url, target, method, body, headers, scheme }: InvokeOptions,
  caller: Caller,
): Promise<Request> {
  const request = new Request(`${url}${target}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(caller.token === undefined ? {} : { authorization: `Bearer ${caller.token}` }),
    },
    ...(body === undefined ? {} : { body: new Uint8Array(body) }),
  })
  for (const [name, value] of headers) request.headers.set(name, value)
  const { kid, key, sessionId } = caller
  if (scheme === 'none' || kid === undefined || key === undefined) return request
  return scheme === 'webhook' ? signWebhook(request, { key }) : signRequest(request, { kid, key, sessionId })
}

async function showText(
  request: Request,
  { sessionId }: Caller,
  { note }: InvokeSurroundings,
): Promise<void> {
  const body = new Uint8Array(await request.clone().arrayBuffer())
  const header = parseSignature(request.headers.get(SIGNATURE_HEADER) ?? '')
  const { headers } = request
  note(
    header === undefined
      ? `${headers.get('webhook-id')}.${headers.get('webhook-timestamp')}.${Buffer.from(body).toString()}\n`
      : `${canonicalRequest({ ...requestParts(request, body), ...header, sessionId })}\n`,
  )
}

/** One call after the other, each signed anew; one line each. */
async function burst(
  options: InvokeOptions,
  { caller, request }: { readonly caller: Caller; readonly request: Request },
  { out }: InvokeSurroundings,
): Promise<number> {
  const width = String(options.times).length
  let firstStatus = 0
  for (let call = 1; call <= options.times; call += 1) {
    const { status, headers } = await ask(call === 1 ? request : await prepared(options, caller))
    if (call === 1) firstStatus = status
    const limits = ['ratelimit', 'retry-after'].flatMap((name) => {
      const value = headers.get(name)
      return value === null ? [] : [`${name}: ${value}`]
    })
    out([String(call).padStart(width), status, ...limits].join('  '))
  }
  return firstStatus
}

function showAnswer(
  { status, statusText, headers, body, tookMs }: Answered,
  { include }: InvokeOptions,
  { out, note }: InvokeSurroundings,
): void {
  note(`${status} ${statusText}`.trim() + ` (${tookMs.toFixed(0)} ms)`)
  if (include) for (const [name, value] of headers) note(`${name}: ${value}`)
  if (body !== '') out(pretty(body))
}

function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2)
  } catch {
    return body // no JSON: as it is
  }
}
