import * as v from 'valibot'
import { ask } from './ask.ts'
import type { InvokeSurroundings } from './invoke.ts'
import type { TimerOptions } from './options.ts'

const Fired = v.object({ status: v.number(), tookMs: v.number() })
const Refused = v.object({ error: v.string() })

/**
 * Has the local cloud fire a function's timer; resolves with the status of what came of it.
 *
 * @throws Error in plain words when nothing was fired
 */
export async function fireTimer(
  { timerOf, url }: TimerOptions,
  { out }: Pick<InvokeSurroundings, 'out'>,
): Promise<number> {
  const { status, body } = await ask(new Request(`${url}/_control/timers/${timerOf}`, { method: 'POST' }))
  const fired = v.safeParse(v.pipe(v.string(), v.parseJson(), Fired), body)
  if (fired.success) {
    const { status, tookMs } = fired.output
    out(`${timerOf}: ${status === 200 ? 'done' : 'failed'}, ${status} (${tookMs} ms)`)
    return status
  }
  const refused = v.safeParse(v.pipe(v.string(), v.parseJson(), Refused), body)
  const why = refused.success ? refused.output.error : 'is it a local cloud?'
  throw new Error(`${url} did not fire the timer of ${timerOf} (${status}): ${why}`)
}
