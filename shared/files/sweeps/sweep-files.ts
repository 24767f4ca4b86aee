import { within } from '#shared/deadline.ts'
import { deletedFiles, refusedUploads } from './deleted-files.ts'
import { expiredUploads } from './expired-uploads.ts'
import { lostFiles } from './lost-files.ts'
import { abandonedParts, strayObjects } from './stray-objects.ts'
import type { Sweep, SweepParts } from './sweep.ts'
import { oldVerdicts, unansweredChecks } from './unanswered-checks.ts'

/** Of a call's time, for each: one that hangs leaves some to the others. */
const SHARE_MS = 15_000

/** In this order: what people wait for first. */
const SWEEPS: Readonly<Record<string, Sweep>> = {
  unansweredChecks,
  deletedFiles,
  expiredUploads,
  refusedUploads,
  abandonedParts,
  strayObjects,
  lostFiles,
  oldVerdicts,
}

/** Does each of them, whatever becomes of the others; how many of what was dealt with. @throws AggregateError at the end */
export async function sweepFiles(
  parts: SweepParts,
  signal: AbortSignal,
): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {}
  const failures: unknown[] = []
  for (const [name, sweep] of Object.entries(SWEEPS)) {
    signal.throwIfAborted()
    try {
      const count = await sweep(parts, within(SHARE_MS, signal))
      if (count > 0) counts[name] = count
    } catch (cause) {
      failures.push(cause)
      parts.logger.error('files.sweep_failed', { sweep: name, cause })
    }
  }
  parts.logger[Object.keys(counts).length > 0 ? 'info' : 'debug']('files.swept', counts)
  if (failures.length > 0) throw new AggregateError(failures, 'Some sweeps failed')
  return counts
}
