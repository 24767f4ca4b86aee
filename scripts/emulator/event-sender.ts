import type { FunctionSpec } from '#scripts/functions.ts'
import { CloudFailure } from './cloud-failure.ts'
import { forward } from './forward.ts'
import type { Lease } from './pool.ts'

export interface EventSenderOptions {
  readonly spec: FunctionSpec
  /** A place in an instance, as a request gets one. */
  readonly leased: () => Promise<Lease>
  /** What became of an instance whose connection broke. */
  readonly crash: (lease: Lease) => Promise<CloudFailure>
}

/** A POST that brings an event, as bytes. */
export interface SentEvent {
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

export interface EventAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

/** Sends a function an event and waits for its answer. @throws CloudFailure where the cloud answers instead */
export type SendEvent = (event: SentEvent) => Promise<EventAnswer>

export function eventSender({ spec, leased, crash }: EventSenderOptions): SendEvent {
  return async ({ target, headers, body }) => {
    const lease = await leased()
    const late = AbortSignal.timeout(spec.timeoutS * 1_000)
    const { port } = lease.member.process
    const own = ['host', `127.0.0.1:${port}`, ...Object.entries(headers).flat()]
    try {
      const answer = await forward(port, { method: 'POST', target, headers: own, body }, late)
      const { statusCode = 502, headers: answered } = answer
      return { status: statusCode, headers: answered, body: Buffer.concat(await answer.toArray()) }
    } catch {
      throw late.aborted ? new CloudFailure('timeout', port) : await crash(lease)
    } finally {
      lease.release()
    }
  }
}
