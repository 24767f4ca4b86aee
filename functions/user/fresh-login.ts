import type { Clock } from '#shared/clock.ts'
import { Fault } from '#shared/errors.ts'
import type { CodeExchange } from '#shared/wechat/code-exchange.ts'
import type { CurrentUser } from '#shared/backend/current-user.ts'

/** Demands that the person was with WeChat within five minutes, so that a stolen token cannot do the worst. */
export type RequireFreshLogin = (
  current: CurrentUser,
  loginCode: string | undefined,
  signal: AbortSignal,
) => Promise<void>

const FRESH_MS = 5 * 60_000

export interface FreshLoginOptions {
  readonly exchange: CodeExchange
  readonly clock: Clock
}

/** @throws Fault `forbidden` with the reason `fresh_login_required`. @see ASVS 5.0 7.5.1 */
export function createRequireFreshLogin({ exchange, clock }: FreshLoginOptions): RequireFreshLogin {
  return async ({ row, user }, loginCode, signal) => {
    if (loginCode !== undefined) {
      const { openid } = await exchange(loginCode, signal)
      if (openid !== user.openid)
        throw new Fault('forbidden', { details: [{ reason: 'login_code_of_another_user' }] })
      return
    }
    if (clock() - row.created_at.getTime() <= FRESH_MS) return
    throw new Fault('forbidden', { details: [{ reason: 'fresh_login_required', field: 'loginCode' }] })
  }
}
