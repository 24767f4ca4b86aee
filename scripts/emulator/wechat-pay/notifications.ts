import type { Clock } from '#shared/clock.ts'
import { type PayAccount, type ProvenBy, signingKey } from './account.ts'
import { type Flaw, noticeBody, sendNotice } from './notify.ts'
import type { Payments } from './payments.ts'

export interface Notifying {
  /** How often the same notification is sent, all at once. */
  readonly times?: number
  readonly flaw?: Flaw | undefined
  /** Where the account has both, what proves the notification; the certificate unless given. */
  readonly provenBy?: Exclude<ProvenBy, 'both'>
  /** Another amount than was paid, or paid back. */
  readonly amountFen?: number | undefined
  /** What else the notification holds than what is true. */
  readonly resource?: Readonly<Record<string, unknown>>
  /** What the notification is called, each time it is sent. */
  readonly id?: string
  /** When it was made, in milliseconds; now unless given. */
  readonly madeMs?: number
  /** Headers besides WeChat Pay's own. */
  readonly headers?: Readonly<Record<string, string>>
}

/** What came back for each notification. */
export type Replies = readonly { readonly status: number; readonly text: string }[]

/** Tells the merchant of what became of orders and refunds. */
export function createNotifications(account: PayAccount, payments: Payments, clock: Clock) {
  let origin: string | undefined

  async function notify(
    url: string,
    notice: { readonly eventType: string; readonly resource: unknown },
    { times = 1, flaw, id, madeMs = clock(), headers = {}, provenBy: by }: Notifying,
  ): Promise<Replies> {
    const key = signingKey(account, by === 'public-key' ? account.platformKey?.serial : undefined)
    const body = noticeBody(account, { ...notice, flaw, ...(id === undefined ? {} : { id }) }, madeMs)
    const target = origin === undefined ? url : new URL(new URL(url).pathname, origin).href
    return Promise.all(
      Array.from({ length: times }, () => sendNotice(key, { url: target, body, flaw, headers }, clock)),
    )
  }

  return {
    /** From now on notifications go to this origin, whatever the one in their URL. */
    notifyAt(to: string): void {
      origin = to
    },
    /** Tells of what became of an order. */
    notifyPayment(no: string, how: Notifying = {}): Promise<Replies> {
      const { terms } = payments.find(no)
      const transaction = payments.transaction(
        no,
        how.amountFen === undefined ? {} : { amountFen: how.amountFen },
      )
      // One that is late says how things stood when the payer had paid.
      const state = transaction.trade_state === 'REFUND' ? 'SUCCESS' : transaction.trade_state
      const resource = { ...transaction, trade_state: state, trade_state_desc: state, ...how.resource }
      return notify(terms.notify_url, { eventType: 'TRANSACTION.SUCCESS', resource }, how)
    },
    notifyRefund(no: string, how: Notifying = {}): Promise<Replies> {
      const { status, amount, ...rest } = payments.refundAnswer(no)
      const { terms } = payments.refunds.get(no) ?? {}
      const resource = {
        mchid: account.mchId,
        ...rest,
        amount: { ...amount, ...(how.amountFen === undefined ? {} : { refund: how.amountFen }) },
        refund_status: status,
        user_received_account: '支付用户零钱',
        ...how.resource,
      }
      return notify(terms?.notify_url ?? '', { eventType: `REFUND.${status}`, resource }, how)
    },
  }
}

export type Notifications = ReturnType<typeof createNotifications>
