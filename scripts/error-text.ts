import { redact } from '#shared/telemetry/redact.ts'

const MAX_CAUSES = 6

/** An error for the person at the terminal: what failed and why, one cause a line, without stacks and secrets. */
export function errorText(error: unknown): string {
  const parts: string[] = []
  for (let it = error; it !== undefined && parts.length < MAX_CAUSES; it = causeOf(it)) {
    const text = String(redact(messageOf(it))).trim()
    // A wrapper may repeat what it wraps.
    if (text !== '' && !parts.some((part) => part.includes(text))) parts.push(text)
  }
  return parts.join('\n  because: ')
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // Several addresses that all refused say so one by one; the error around them says nothing.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ')
  return error.message === '' ? error.name : error.message
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined
}
