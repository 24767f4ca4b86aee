import type { SweepParts } from './sweep.ts'

const KEPT_MS = 7 * 24 * 3_600_000
const OVER = 'over'

/** How far a walk has come that takes several runs. Where that is forgotten, it begins anew. */
export function cursorOf(
  { state }: Pick<SweepParts, 'state'>,
  walk: string,
  { pauseMs }: { readonly pauseMs: number },
) {
  const key = `sweep:${walk}`
  return {
    /** Where to go on; `over` while the walk that ended last is not `pauseMs` ago. */
    async read(signal: AbortSignal): Promise<{ readonly after: string | undefined } | 'over'> {
      const value = await state.get(key, signal).catch(() => undefined)
      return value === OVER ? OVER : { after: value?.slice(1) }
    },
    /** Undefined at the end. */
    async write(after: string | undefined, signal: AbortSignal): Promise<void> {
      const [value, ttlMs] = after === undefined ? [OVER, pauseMs] : [`@${after}`, KEPT_MS]
      await state.set(key, value, { ttlMs }, signal).catch(() => {}) // forgotten, then
    },
  }
}
