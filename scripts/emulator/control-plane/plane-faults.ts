import { setTimeout as delay } from 'node:timers/promises'
import * as v from 'valibot'
import { accepting, type ControlRoutes } from '#scripts/emulator/answer-control.ts'

const Fault = v.strictObject({
  /** `drop` breaks the connection before the call is carried out, `drop-after` when it has been; `hang` never answers. */
  how: v.picklist(['throttle', 'fail', 'slow', 'drop', 'drop-after', 'hang']),
  /** The call that meets it, as `UpdateAlias`; any when it is left out. */
  action: v.optional(v.string()),
  times: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 1),
  /** How long `slow` takes. */
  ms: v.optional(v.number(), 1_000),
})

/** What a call of the API is to meet. */
export type PlaneFault = v.InferInput<typeof Fault>

export interface PlaneFaults {
  /** From now on, in the order they were told. */
  readonly next: (fault: PlaneFault) => void
  /** What this call meets; a slow one is waited for. */
  readonly meet: (action: string) => Promise<v.InferOutput<typeof Fault>['how'] | undefined>
  readonly routes: ControlRoutes
}

export function createPlaneFaults(): PlaneFaults {
  const waiting: v.InferOutput<typeof Fault>[] = []
  const next = (fault: PlaneFault) => void waiting.push(v.parse(Fault, fault))
  return {
    next,
    async meet(action) {
      const fault = waiting.find((it) => it.action === undefined || it.action === action)
      if (fault === undefined) return undefined
      fault.times -= 1
      if (fault.times < 1) waiting.splice(waiting.indexOf(fault), 1)
      if (fault.how === 'slow') await delay(fault.ms, undefined, { ref: false })
      return fault.how
    },
    routes: {
      'POST /_control/faults': accepting(Fault, next),
      'DELETE /_control/faults': () => void waiting.splice(0),
    },
  }
}
