import * as v from 'valibot'
import { accepting, type ControlRoutes } from '#scripts/emulator/answer-control.ts'
import { payControlRoutes } from '#scripts/emulator/pay-control.ts'
import type { Clock } from '#shared/clock.ts'
import type { Notifications } from './notifications.ts'
import { FLAWS } from './notify.ts'
import type { PayFailure } from './pay-api.ts'
import { DECISIONS, type Payments } from './payments.ts'

const Failure = v.strictObject({
  status: v.pipe(v.number(), v.integer(), v.minValue(400), v.maxValue(599)),
  code: v.string(),
  times: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 1),
})

interface Desk {
  readonly payments: Payments
  readonly notifications: Notifications
  readonly fail: (failure: PayFailure) => void
  readonly recover: () => void
  readonly clock: Clock
}

/** The stand-in by HTTP, for `npm run invoke -- fire`. */
export function controlRoutes({ payments, notifications, fail, recover, clock }: Desk): ControlRoutes {
  const orderOf = (refundNo: string) => payments.refundAnswer(refundNo).out_trade_no
  const desk = { ...payments, ...notifications, orderOf, flaws: FLAWS, decisions: DECISIONS }
  return {
    /** Has the next calls of the API fail. */
    'POST /_control/failures': accepting(Failure, fail),
    'DELETE /_control/failures': recover,
    ...payControlRoutes(desk, clock),
  }
}
