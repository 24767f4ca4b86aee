import * as v from 'valibot'
import type { Addresses } from '#scripts/dev/addresses.ts'
import { FLAWS } from '#scripts/emulator/wechat-pay/notify.ts'
import { sleep } from '#shared/deadline.ts'
import { askControl } from './ask-control.ts'
import { readOptions } from './read-options.ts'
import type { FireOption, Given, Thing } from './thing.ts'

const AnyNumber = v.pipe(
  v.string(),
  v.regex(/^[0-9A-Za-z_|*@-]{1,64}$/, 'A number is last, or one of the API'),
)
const NONE = ''

const HOW = {
  flaw: { type: 'string', default: NONE, about: `what is wrong with it: ${FLAWS.join(', ')}` },
  'amount-fen': { type: 'string', default: NONE, about: 'another amount than the true one' },
  late: { type: 'string', default: '0', about: 'seconds until it is sent' },
} as const satisfies Record<string, FireOption>

const How = {
  flaw: v.picklist([NONE, ...FLAWS], `--flaw is one of ${FLAWS.join(', ')}`),
  'amount-fen': v.pipe(v.string(), v.regex(/^(?:|[1-9]\d{0,8})$/, '--amount-fen is a whole number of fen')),
  late: v.pipe(v.string(), v.regex(/^\d{1,4}$/, '--late is in whole seconds'), v.transform(Number)),
}

const PaymentOptions = v.object({ order: AnyNumber, ...How })
const RefundOptions = v.object({ refund: AnyNumber, ...How })
const Ready = v.object({ id: v.string(), number: v.string() })
const Paid = v.object({ number: v.string() })
const Answer = v.object({ status: v.number(), text: v.string() })
const Failure = v.object({ code: v.string(), message: v.string() })

const ORDER: FireOption = { type: 'string', default: 'last', about: "the order's number, or the last order" }
const REFUND: FireOption = {
  type: 'string',
  default: 'last',
  about: "the refund's number, or the last refund",
}

/** A payer pays, and WeChat Pay tells of it. */
export const paySuccess: Thing = {
  about: 'a payer pays, and WeChat Pay notifies',
  options: { order: ORDER, ...HOW },
  async prepare(given, cloud) {
    const { order: no, ...how } = readOptions(PaymentOptions, given)
    return notice(cloud, { path: 'payment-notices', body: { no }, kind: 'payment of order', how })
  },
}

/** A payer pays, and the notification is lost. */
export const payLost: Thing = {
  about: 'a payer pays, and the notification is lost',
  options: { order: ORDER },
  async prepare(given: Given, cloud) {
    const { order: no } = readOptions(v.object({ order: AnyNumber }), given)
    const url = `${standInOf(cloud)}/_control/payments`
    const { number } = await askControl(url, { no }, Paid)
    return {
      about: `payment of order ${number}`,
      fire: async () => ({ status: 200, said: 'at WeChat Pay; the backend was not told' }),
    }
  },
}

/** WeChat Pay tells what became of a refund. */
export function refundDecided(status: 'SUCCESS' | 'CLOSED' | 'ABNORMAL', about: string): Thing {
  return {
    about,
    options: { refund: REFUND, ...HOW },
    async prepare(given, cloud) {
      const { refund: refundNo, ...how } = readOptions(RefundOptions, given)
      return notice(cloud, { path: 'refund-notices', body: { refundNo, status }, kind: 'refund', how })
    },
  }
}

interface Wanted {
  readonly path: string
  readonly body: object
  readonly kind: string
  readonly how: Omit<v.InferOutput<typeof PaymentOptions>, 'order'>
}

/** Makes one notification ready; firing sends that one, each time. */
async function notice(cloud: Addresses, { path, body, kind, how }: Wanted) {
  const { flaw, 'amount-fen': amountFen, late } = how
  const url = `${standInOf(cloud)}/_control`
  const wanted = {
    ...body,
    ...(flaw === NONE ? {} : { flaw }),
    ...(amountFen === '' ? {} : { amountFen: Number(amountFen) }),
  }
  const { id, number } = await askControl(`${url}/${path}`, wanted, Ready)
  if (late > 0) await sleep(late * 1_000, new AbortController().signal)
  return {
    about: `${kind} ${number}${flaw === NONE ? '' : ` (${flaw})`}`,
    async fire() {
      const { status, text } = await askControl(`${url}/notices/${id}`, {}, Answer)
      return { status, said: shortened(text) }
    },
  }
}

function standInOf({ payUrl }: Addresses): string {
  if (payUrl !== undefined) return payUrl
  throw new TypeError('The local cloud uses the real WeChat Pay: only the stand-in pays when it is told to')
}

function shortened(text: string): string {
  const failure = v.safeParse(v.pipe(v.string(), v.parseJson(), Failure), text)
  return failure.success ? `${failure.output.code} ${failure.output.message}` : text
}
