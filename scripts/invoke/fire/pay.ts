import * as v from 'valibot'
import { sleep } from '#shared/deadline.ts'
import { askControl } from './ask-control.ts'
import type { Desk, Outcome } from './desks.ts'
import { readOptions } from './read-options.ts'
import { shortRefusal } from './short-refusal.ts'
import type { FireOption, Firing, Thing } from './thing.ts'

const AnyNumber = v.pipe(
  v.string(),
  v.regex(/^[0-9A-Za-z_|*@-]{1,64}$/, 'A number is last, or one of the API'),
)
const NONE = ''

const ORDER: FireOption = { type: 'string', default: 'last', about: "the order's number, or the last order" }
const REFUND: FireOption = {
  type: 'string',
  default: 'last',
  about: "the refund's number, or the last refund",
}

/** By how much the notice that comes last was made earlier. */
const EARLIER_S = 60

const PAYMENT = { path: 'payment-notices', kind: 'payment of order' }
const REFUNDING = { path: 'refund-notices', kind: 'refund' }

const Ready = v.object({ id: v.string(), number: v.string(), orderNumber: v.optional(v.string(), NONE) })
const Paid = v.object({ number: v.string() })
const Answer = v.object({ status: v.number(), text: v.string() })

/** A payer pays, and the backend is told. */
export function paySuccess(desk: Desk): Thing {
  const about = 'told by two notices: the one that was made later comes first'
  const Options = v.object({ order: AnyNumber, ...howOf(desk) })
  return {
    about: `a payer pays, and ${desk.name} notifies`,
    options: { order: ORDER, ...howOptions(desk, about) },
    async prepare(given, cloud) {
      const { order: no, late, reordered, ...how } = readOptions(Options, given)
      const notice = { url: desk.standInOf(cloud), ...PAYMENT, how }
      const notices = reordered
        ? [
            await ready({ ...notice, body: { no } }),
            await ready({ ...notice, body: { no, ageS: EARLIER_S } }),
          ]
        : [await ready({ ...notice, body: { no } })]
      await pause(late)
      return notices.map(({ firing }) => firing)
    },
  }
}

/** A payer pays, and the notice is lost. */
export function payLost(desk: Desk): Thing {
  return {
    about: 'a payer pays, and the notification is lost',
    options: { order: ORDER },
    async prepare(given, cloud) {
      const { order: no } = readOptions(v.object({ order: AnyNumber }), given)
      const url = `${desk.standInOf(cloud)}/_control/payments`
      const { number } = await askControl({ url, body: { no } }, Paid)
      const said = `at ${desk.name}; the backend was not told`
      return [{ about: `payment of order ${number}`, fire: async () => ({ status: 200, said }) }]
    },
  }
}

/** The backend is told what became of a refund. */
export function refundDecided(desk: Desk, outcome: Outcome, about: string): Thing {
  const Options = v.object({ refund: AnyNumber, ...howOf(desk) })
  return {
    about,
    options: {
      refund: REFUND,
      ...howOptions(desk, "its order's payment is told after it, by a notice that was made earlier"),
    },
    async prepare(given, cloud) {
      const { refund: refundNo, late, reordered, ...how } = readOptions(Options, given)
      const url = desk.standInOf(cloud)
      const body = { refundNo, status: desk.decisions[outcome] }
      const refund = await ready({ url, ...REFUNDING, body, how })
      const before = { no: refund.orderNumber, ageS: EARLIER_S }
      const payment = { url, ...PAYMENT, body: before, how: { ...how, 'amount-fen': NONE } }
      const notices = reordered ? [refund, await ready(payment)] : [refund]
      await pause(late)
      return notices.map(({ firing }) => firing)
    },
  }
}

function howOptions({ flaws }: Desk, reordered: string) {
  return {
    flaw: { type: 'string', default: NONE, about: `what is wrong with it: ${flaws.join(', ')}` },
    'amount-fen': { type: 'string', default: NONE, about: 'another amount than the true one' },
    late: { type: 'string', default: '0', about: 'seconds until it is sent' },
    reordered: { type: 'boolean', default: false, about: reordered },
  } as const satisfies Record<string, FireOption>
}

function howOf({ flaws }: Desk) {
  return {
    flaw: v.picklist([NONE, ...flaws], `--flaw is one of ${flaws.join(', ')}`),
    'amount-fen': v.pipe(v.string(), v.regex(/^(?:|[1-9]\d{0,8})$/, '--amount-fen is a whole number of fen')),
    late: v.pipe(v.string(), v.regex(/^\d{1,4}$/, '--late is in whole seconds'), v.transform(Number)),
    reordered: v.boolean(),
  }
}

interface Wanted {
  /** Of the stand-in. */
  readonly url: string
  readonly path: string
  readonly kind: string
  readonly body: object
  readonly how: { readonly flaw: string; readonly 'amount-fen': string }
}

/** Makes one notice ready; firing sends that one, each time. */
async function ready({ url, path, kind, body, how }: Wanted) {
  const { flaw, 'amount-fen': amountFen } = how
  const wanted = {
    ...body,
    ...(flaw === NONE ? {} : { flaw }),
    ...(amountFen === NONE ? {} : { amountFen: Number(amountFen) }),
  }
  const { id, number, orderNumber } = await askControl(
    { url: `${url}/_control/${path}`, body: wanted },
    Ready,
  )
  const firing: Firing = {
    about: `${kind} ${number}${flaw === NONE ? '' : ` (${flaw})`}`,
    async fire() {
      const { status, text } = await askControl({ url: `${url}/_control/notices`, body: { id } }, Answer)
      return { status, said: shortRefusal(text) }
    },
  }
  return { firing, orderNumber }
}

async function pause(seconds: number): Promise<void> {
  if (seconds > 0) await sleep(seconds * 1_000, new AbortController().signal)
}
