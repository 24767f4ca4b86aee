import { createLogger } from '#shared/telemetry/logger.ts'

/**
 * Imported before an app, this makes whatever keeps the app from starting one log line and exit code 1: a runtime's
 * own report would be the bundle's first line, minified, with the message somewhere below it.
 */
process.once('uncaughtException', fail)
process.once('unhandledRejection', fail)

/** Ends that: from here on a crash is a crash, reported by the runtime with its stack. */
export function booted(): void {
  process.off('uncaughtException', fail)
  process.off('unhandledRejection', fail)
}

function fail(error: unknown): void {
  createLogger().error('runtime.boot_failed', described(error))
  process.exit(1)
}

/** A list of problems, such as that of the settings, says all there is: a stack would hide it. */
function described(error: unknown): Readonly<Record<string, unknown>> {
  const [summary = '', ...rest] = error instanceof Error ? error.message.split('\n') : [String(error)]
  const problems = rest.flatMap((line) => /^ +- (.+)$/.exec(line)?.[1] ?? [])
  return problems.length > 0 ? { message: summary.replace(/:$/, ''), problems } : { message: summary, error }
}
