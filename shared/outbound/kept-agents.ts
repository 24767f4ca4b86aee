import type { Agent } from 'node:http'
import type { Clock } from '#shared/clock.ts'

/** A socket that an instance held while it was frozen is mostly dead, and its timers did not run. */
const KEPT_IDLE_MS = 20_000
/** Settings point to a few; the one that was called longest ago is forgotten first. */
const MAX_ORIGINS = 64

/**
 * Gives the agent for calls of an origin, which keeps their connections for the next calls. Those that nobody used for 20 s
 * are closed first; calls under way are left alone.
 */
export function keptAgents(newAgent: () => Agent, clock: Clock): (origin: string) => Agent {
  const kept = new Map<string, { readonly agent: Agent; readonly usedAtMs: number }>()

  return (origin) => {
    const nowMs = clock()
    const { agent, usedAtMs } = kept.get(origin) ?? { agent: newAgent(), usedAtMs: nowMs }
    if (Math.abs(nowMs - usedAtMs) > KEPT_IDLE_MS) closeIdle(agent)
    // At the end, as the one that was called last.
    kept.delete(origin)
    kept.set(origin, { agent, usedAtMs: nowMs })
    const [[oldest, forgotten] = []] = kept
    if (kept.size > MAX_ORIGINS && oldest !== undefined && forgotten !== undefined) {
      kept.delete(oldest)
      forgotten.agent.maxFreeSockets = 0 // those of calls under way are closed as these end
      closeIdle(forgotten.agent)
    }
    return agent
  }
}

function closeIdle({ freeSockets }: Agent): void {
  for (const socket of Object.values(freeSockets).flat()) socket?.destroy()
}
