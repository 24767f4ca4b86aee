import type { Tell } from '#shared/payments/apply-payment.ts'

/** Tells everybody, one after the other. */
export function tellAll(...tells: readonly Tell[]): Tell {
  return async (sql, news, signal) => {
    for (const tell of tells) await tell(sql, news, signal)
  }
}
