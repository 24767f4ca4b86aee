import type { Clock } from '#shared/clock.ts'
import { abandonable } from '#shared/deadline.ts'
import type { Policies } from '#shared/limit-policy.ts'
import { causesOf } from '#shared/telemetry/causes.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import { createRareLog } from '#shared/telemetry/rare-log.ts'
import { checkSet } from './check-set.ts'
import type { CompiledSet } from './compile-set.ts'
import { denyIndex, type IsDenied, NOBODY_DENIED } from './denied.ts'
import { loadDenied, loadSet } from './load-published.ts'
import { type Pointer, type PointerStores, readPointer } from './pointer.ts'

/** What is in force in this instance: one value, so that a request sees one version from end to end. */
export interface Published extends Pointer {
  /** Absent while nothing is published. */
  readonly set?: CompiledSet | undefined
  readonly policies: Policies
  readonly isDenied: IsDenied
}

export interface PublishedSource {
  /** What is in force; after a failure what was last known. Looks for news as often as promised, by the clock. */
  current(waitUntil: (work: Promise<unknown>) => void, signal: AbortSignal): Promise<Published>
}

export interface PublishedOptions extends PointerStores {
  readonly clock: Clock
  readonly logger: Logger
}

/** Younger than this it is used as it is; then this request goes on with it, and looks for news behind its answer. */
const FRESH_MS = 2_000
/** Older than this, after a freeze or at first, the request waits for news. Together less than the 5 s promised. */
const STALE_MS = 4_000
const WAIT_MS = 300
/** An instance that has never seen the rules would let pass whom they stop. */
const FIRST_WAIT_MS = 2_000
const RETRY_MS = 1_000
const REFRESH_MS = 3_000

const NOTHING: Published = { version: 0, denyRevision: 0, policies: {}, isDenied: NOBODY_DENIED }

interface Refresh {
  readonly work: Promise<void>
  readonly patience: AbortSignal
  readonly endsAtMs: number
}

export function createPublishedSource(options: PublishedOptions): PublishedSource {
  const { clock, logger } = options
  const degraded = createRareLog(options, 'risk.degraded')
  let published = NOTHING
  let refusedVersion = 0
  let readAtMs = Number.NEGATIVE_INFINITY
  let failedAtMs = Number.NEGATIVE_INFINITY
  let refreshing: Refresh | undefined

  function refresh(): Refresh {
    // Judged by the clock: one that was frozen along with its instance is over before its timers know.
    if (refreshing !== undefined && refreshing.endsAtMs > clock()) return refreshing
    const own: Refresh = {
      // Shared by requests, so none of their signals may end it.
      work: load(AbortSignal.timeout(REFRESH_MS)).finally(() => {
        if (refreshing === own) refreshing = undefined
      }),
      patience: AbortSignal.timeout(readAtMs === Number.NEGATIVE_INFINITY ? FIRST_WAIT_MS : WAIT_MS),
      endsAtMs: clock() + REFRESH_MS,
    }
    refreshing = own
    return own
  }

  async function load(signal: AbortSignal): Promise<void> {
    try {
      const pointer = await readPointer(options, signal)
      const isDenied =
        pointer.denyRevision === published.denyRevision
          ? published.isDenied
          : denyIndex(await loadDenied(options, { revision: pointer.denyRevision, nowMs: clock() }, signal))
      const rules = await rulesOf(pointer.version, signal)
      published = { ...rules, denyRevision: pointer.denyRevision, isDenied }
      readAtMs = clock()
    } catch (error) {
      failedAtMs = clock()
      degraded({ part: 'rules', causes: causesOf(signal.aborted ? late(error) : error) })
    }
  }

  async function rulesOf(version: number, signal: AbortSignal): Promise<Omit<Published, keyof DenyPart>> {
    if (version === published.version || version === refusedVersion) return published
    if (version === 0) return { version, policies: {} }
    const checked = await checkSet(await loadSet(options, version, signal))
    if ('set' in checked) return { version, set: checked.set, policies: checked.set.content.policies }
    refusedVersion = version
    logger.error('risk.set_refused', { version, inForce: published.version, problems: checked.problems })
    return published
  }

  return {
    async current(waitUntil, signal) {
      const ageMs = clock() - readAtMs
      if (ageMs < FRESH_MS || clock() - failedAtMs < RETRY_MS) return published
      const { work, patience } = refresh()
      waitUntil(work)
      if (ageMs < STALE_MS) return published
      await abandonable(work, AbortSignal.any([signal, patience])).catch(() => signal.throwIfAborted())
      return published
    },
  }
}

/** The timeout itself does not say of what. */
function late(cause: unknown): Error {
  return new Error(`The database did not answer within ${REFRESH_MS} ms`, { cause })
}

type DenyPart = Pick<Published, 'denyRevision' | 'isDenied'>
