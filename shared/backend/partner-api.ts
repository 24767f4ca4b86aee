import * as v from 'valibot'
import type { Clock } from '#shared/clock.ts'
import { Fault } from '#shared/errors.ts'
import { CallError } from '#shared/outbound/call-error.ts'
import type { OutboundAnswer } from '#shared/outbound/fetch-answer.ts'
import { targetOf } from '#shared/outbound/fetch-answer.ts'
import { httpRefusal, isSuccess } from '#shared/outbound/http-refusal.ts'
import type { Outbound } from '#shared/outbound/outbound.ts'
import type { PartnerKey } from '#shared/signing/partner-keys.ts'
import { SIGNATURE_HEADER } from '#shared/signing/signature-header.ts'
import { requestSignature } from '#shared/signing/sign-request.ts'

export interface PartnerApiOptions {
  /** Paths of calls are below it. */
  readonly baseUrl: URL
  /** Signs each call; the partner has it, too. */
  readonly key: PartnerKey
  readonly outbound: Outbound
  readonly clock: Clock
}

export interface PartnerCall<Answer extends v.GenericSchema> {
  readonly method: 'GET' | 'POST'
  /** Below the base, as `/payments`. */
  readonly path: string
  readonly body?: unknown
  readonly answer: Answer
}

/** Makes a call that may be repeated, and answers with what it holds. */
export interface CallPartner {
  /** @throws Fault not_found, conflict and refused_by_provider with the partner's reason, upstream_failed, upstream_timeout, unavailable */
  <Answer extends v.GenericSchema>(
    call: PartnerCall<Answer>,
    signal: AbortSignal,
  ): Promise<v.InferOutput<Answer>>
}

const TIMEOUT_MS = 5_000
/** Answers that no repetition changes. What is wrong with our key or our right is the operator's to mend. */
const FINAL: ReadonlySet<number> = new Set([400, 422])
const Refused = v.object({ error: v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_]{0,63}$/)) })

/** JSON over HTTP, signed by XH1. */
export function createPartnerApi({ baseUrl, key, outbound, clock }: PartnerApiOptions): CallPartner {
  const makeCall = outbound.to(baseUrl)
  const base = baseUrl.href.replace(/\/+$/, '')

  return async ({ method, path, body, answer }, signal) => {
    const url = new URL(base + path)
    const text = body === undefined ? undefined : JSON.stringify(body)
    const sign = () => {
      const parts = { method, url: url.href }
      return { [SIGNATURE_HEADER]: requestSignature(parts, Buffer.from(text ?? ''), { ...key, clock }) }
    }
    const headers = {
      accept: 'application/json',
      ...(text === undefined ? {} : { 'content-type': 'application/json' }),
    }
    const received = await makeCall({ method, url, body: text, headers, sign, timeoutMs: TIMEOUT_MS }, signal)
    if (!isSuccess(received)) throw refusal({ method, url }, received, clock())
    const result = v.safeParse(answer, json(received.body))
    if (result.success) return result.output
    const cause = new CallError(targetOf({ method, url }), 'unreadable', 'maybe')
    throw new Fault('upstream_failed', { cause })
  }
}

function refusal(
  call: { readonly method: 'GET' | 'POST'; readonly url: URL },
  answer: OutboundAnswer,
  nowMs: number,
): Fault {
  const fault = httpRefusal(call, answer, nowMs)
  if (answer.status === 404) return new Fault('not_found', { cause: fault.cause })
  const isConflict = answer.status === 409
  if (!isConflict && !FINAL.has(answer.status)) return fault
  const told = v.safeParse(Refused, json(answer.body))
  const reason = told.success ? told.output.error : 'refused'
  // Another call for the same may be under way there: what became of it, a query tells.
  return new Fault(isConflict ? 'conflict' : 'refused_by_provider', {
    details: [{ reason }],
    cause: fault.cause,
  })
}

function json(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined
  }
}
