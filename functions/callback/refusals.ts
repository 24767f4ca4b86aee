import { type ErrorName, Fault } from '#shared/errors.ts'
import type { Refusal } from '#shared/http/route.ts'
import type { Logger } from '#shared/telemetry/logger.ts'

/** Why, for the log, where a refusal has no reason of its own. */
const REASONS: Partial<Record<ErrorName, string>> = {
  payload_too_large: 'too_large',
  signature_invalid: 'signature',
  request_replayed: 'replayed',
  bad_request: 'malformed',
  invalid_json: 'malformed',
  validation_failed: 'malformed',
}

/** What an operator can do about it; such a refusal is an error of ours. */
const ADVICE: Readonly<Record<string, string>> = {
  not_sealed: 'Choose the secure mode in the console and set WECHAT_PUSH_AES_KEY',
}

/** Parts of messages that we have names for; others are the sender's own words. */
const PART = /^[\w-]{1,40}$/

/** One line for a message from outside that was refused: who, which reason, and nothing of what it says. */
export function logRefusal(
  logger: Logger,
  source: string,
  { fault, request, invocation: { requestId } }: Omit<Refusal, 'params'>,
): void {
  const why = reasonOf(fault, request.headers)
  const advice = ADVICE[why.reason]
  const level = advice === undefined ? 'warn' : 'error'
  logger[level]('callback.refused', { requestId, source, error: fault.error, ...why, advice })
}

interface Why {
  readonly reason: string
  /** The header or the field that it is about. */
  readonly part?: string
}

function reasonOf({ error, details, cause }: Fault, headers: Headers): Why {
  // What an event could not be done for: the sender is only told to come again.
  if (error === 'unavailable' && cause instanceof Fault) return reasonOf(cause, headers)
  const [{ reason, header, path, message } = {}] = details
  if (typeof reason === 'string') return { reason }
  if (typeof header === 'string')
    return { reason: headers.has(header) ? 'malformed_header' : 'missing_header', part: header }
  const named = typeof path === 'string' && PART.test(path) ? { part: path } : {}
  return { reason: message === 'is required' ? 'missing' : (REASONS[error] ?? error), ...named }
}
