import * as v from 'valibot'
import type { Addresses } from '#scripts/dev/addresses.ts'
import { FAILURES } from '#scripts/emulator/partner/failures.ts'
import { askControl } from './ask-control.ts'
import { PARTNER } from './desks.ts'
import { readOptions } from './read-options.ts'
import type { Thing } from './thing.ts'

const NAMES = Object.keys(FAILURES)
const Options = v.object({
  how: v.picklist(NAMES, `--how is one of ${NAMES.join(', ')}`),
  times: v.pipe(v.string(), v.regex(/^[1-9]\d{0,3}$/, '--times is from 1 to 9999'), v.transform(Number)),
})
const Done = v.object({ ok: v.literal(true) })

/** Somebody who is called by the backend, and fails when told to. */
interface Callee {
  readonly name: string
  /** What it is called for, one and many. */
  readonly calls: readonly [one: string, many: string]
  readonly standInOf: (cloud: Addresses) => string
}

export const SHOP: Callee = {
  name: 'the shop',
  calls: ['delivery', 'deliveries'],
  standInOf({ shopUrl }) {
    if (shopUrl !== undefined) return shopUrl
    throw new TypeError(
      'The local cloud tells the webhook of WEBHOOK_URL: only its own shop fails when it is told to',
    )
  },
}

export const PARTNER_API: Callee = {
  name: 'the partner',
  calls: ['call', 'calls'],
  standInOf: PARTNER.standInOf,
}

/** It fails for a while. */
export function fails({ name, calls: [one, many], standInOf }: Callee): Thing {
  return {
    about: `${name} fails the next times that it is called`,
    options: {
      how: { type: 'string', default: '500', about: NAMES.join(', ') },
      times: { type: 'string', default: '1', about: `how many ${many} fail` },
    },
    async prepare(given, cloud) {
      const body = readOptions(Options, given)
      const url = `${standInOf(cloud)}/_control/failures`
      return [
        {
          about: `${name} fails (${body.how})`,
          async fire() {
            await askControl({ url, body }, Done)
            return {
              status: 200,
              said: body.times === 1 ? `the next ${one}` : `the next ${body.times} ${many}`,
            }
          },
        },
      ]
    },
  }
}

/** It does what it is called for again. */
export function recovers({ name, calls: [, many], standInOf }: Callee): Thing {
  return {
    about: `${name} fails no longer`,
    options: {},
    async prepare(_, cloud) {
      const url = `${standInOf(cloud)}/_control/failures`
      return [
        {
          about: `${name} recovers`,
          async fire() {
            await askControl({ url, method: 'DELETE' }, Done)
            return { status: 200, said: `the next ${many} succeed` }
          },
        },
      ]
    },
  }
}
