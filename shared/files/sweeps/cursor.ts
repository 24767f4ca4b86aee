import type { SweepParts } from './sweep.ts'

const KEPT_MS = 7 * 24 * 3_600_000

/** How far a walk has come that takes several runs. Where that is forgotten, it begins anew. */
export function cursorOf({ state }: Pick<SweepParts, 'state'>, walk: string) {
  const key = `sweep:${walk}`
  return {
    read: (signal: AbortSignal) => state.get(key, signal).catch(() => undefined),
    async write(at: string | undefined, signal: AbortSignal): Promise<void> {
      if (at === undefined) await state.delete(key, {}, signal)
      else await state.set(key, at, { ttlMs: KEPT_MS }, signal)
    },
  }
}
