/** When a message that could not be delivered is tried again. */
export interface Schedule {
  /** Waits between attempts, in seconds; one attempt more than there are waits. */
  readonly waitsS: readonly number[]
  /** 0 to 1; of two messages that failed together the later is tried a little later. */
  readonly random?: () => number
}

const JITTER = 0.2
const LONGEST_TOLD_S = 3_600

/** Ms until the next attempt after `attempts` of them; undefined when that was the last. */
export function nextWaitMs(
  { waitsS, random = Math.random }: Schedule,
  attempts: number,
  retryAfterS: number | undefined,
): number | undefined {
  const waitS = waitsS[attempts - 1]
  if (waitS === undefined) return undefined
  const jittered = waitS * (1 + JITTER * (2 * random() - 1))
  // The receiver knows best, within reason.
  const toldS = Math.min(retryAfterS ?? 0, LONGEST_TOLD_S)
  return Math.round(Math.max(jittered, toldS) * 1_000)
}
