import { Fault } from '#shared/errors.ts'
import { CallError } from './call-error.ts'
import { type Named, type OutboundAnswer, targetOf } from './fetch-answer.ts'
import { retryAfterS } from '#shared/retry-after.ts'

/** An answer that is not a success, as a fault: with the time that the other side wants to be left alone for. */
export function httpRefusal(
  call: Named,
  { status, headers }: Pick<OutboundAnswer, 'status' | 'headers'>,
  nowMs: number,
): Fault {
  const seconds = retryAfterS(headers, nowMs)
  return new Fault('upstream_failed', {
    cause: new CallError(targetOf(call), `HTTP ${status}`, 'maybe'),
    ...(seconds === undefined ? {} : { retryAfterS: seconds }),
  })
}

export function isSuccess({ status }: Pick<OutboundAnswer, 'status'>): boolean {
  return status >= 200 && status <= 299
}
