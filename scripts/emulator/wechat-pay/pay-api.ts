import type { Clock } from '#shared/clock.ts'
import type { PayAccount } from './account.ts'
import { checkAuthorization } from './check-authorization.ts'
import { certificatesAnswer } from './platform-certificates.ts'
import type { Payments } from './payments.ts'
import { PayRefusal } from './refusal.ts'

/** What the next calls meet. */
export interface PayFailure {
  readonly status: number
  readonly code: string
  readonly times: number
}

export interface PayCall {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly body: string
  readonly authorization: string
}

interface Shop {
  readonly account: PayAccount
  readonly payments: Payments
}

type Route = (shop: Shop, match: readonly string[], body: unknown) => unknown

/** `METHOD path`, as a pattern → what it answers; undefined is a 204. */
const ROUTES: readonly (readonly [pattern: RegExp, route: Route])[] = [
  [/^POST \/v3\/pay\/transactions\/jsapi$/, ({ payments }, _, body) => payments.prepay(body)],
  [
    /^GET \/v3\/pay\/transactions\/out-trade-no\/([^/?]+)\?mchid=\d+$/,
    ({ payments }, [no = '']) => payments.transaction(no),
  ],
  [
    /^POST \/v3\/pay\/transactions\/out-trade-no\/([^/?]+)\/close$/,
    ({ payments }, [no = '']) => payments.close(no),
  ],
  [/^POST \/v3\/refund\/domestic\/refunds$/, ({ payments }, _, body) => payments.refund(body)],
  [/^GET \/v3\/refund\/domestic\/refunds\/([^/?]+)$/, ({ payments }, [no = '']) => payments.refundAnswer(no)],
  [/^GET \/v3\/certificates$/, ({ account }) => certificatesAnswer(account)],
]

/** The API of one merchant: signatures are verified for real, and calls fail as told. */
export function createPayApi(shop: Shop, clock: Clock) {
  let failing: PayFailure | undefined

  return {
    fail(next: PayFailure): void {
      failing = next
    },
    recover(): void {
      failing = undefined
    },
    /** @throws PayRefusal */
    answer({ method, target, body, authorization }: PayCall): unknown {
      checkAuthorization(shop.account, clock(), { method, target, body, authorization })
      if (failing !== undefined && failing.times > 0) {
        failing = { ...failing, times: failing.times - 1 }
        throw new PayRefusal(failing.status, failing.code, '系统异常')
      }
      for (const [pattern, route] of ROUTES) {
        const match = pattern.exec(`${method} ${target}`)
        if (match !== null)
          return route(
            shop,
            match.slice(1).map(decodeURIComponent),
            body === '' ? undefined : JSON.parse(body),
          )
      }
      throw new PayRefusal(404, 'RESOURCE_NOT_EXISTS', '无此接口')
    },
  }
}
