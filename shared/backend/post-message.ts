import type { Clock } from '#shared/clock.ts'
import type { OutboxRow } from '#shared/db/tables/outbox.ts'
import { httpRefusal, isSuccess } from '#shared/outbound/http-refusal.ts'
import type { Outbound } from '#shared/outbound/outbound.ts'

export interface Posting {
  readonly message: OutboxRow
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
}

export interface PostingPorts {
  readonly outbound: Outbound
  readonly clock: Clock
  /** Longest time for one delivery; 8,000 unless given. */
  readonly timeoutMs?: number
}

const TIMEOUT_MS = 8_000

/** Posts messages of the outbox to one address, once each: when they are tried again is for the outbox to know. */
export function postMessage(url: URL, { outbound, clock, timeoutMs = TIMEOUT_MS }: PostingPorts) {
  const makeCall = outbound.to(url)
  return async ({ message, body, headers }: Posting, signal: AbortSignal): Promise<void> => {
    const call = { method: 'POST', url, isPathSecret: true } as const
    const requestId = message.request_id ?? undefined
    // By it whoever receives the message can name the call that it came about in.
    const traced = requestId === undefined ? headers : { ...headers, 'x-request-id': requestId }
    const sending = { ...call, body, headers: traced, requestId, timeoutMs, retries: 0 }
    const answer = await makeCall(sending, signal)
    if (!isSuccess(answer)) throw httpRefusal(call, answer, clock())
  }
}
