import * as v from 'valibot'
import { FAILURES } from '#scripts/emulator/partner/failures.ts'
import { askControl } from './ask-control.ts'
import { readOptions } from './read-options.ts'
import type { Thing } from './thing.ts'

const NAMES = Object.keys(FAILURES)
const Options = v.object({
  how: v.picklist(NAMES, `--how is one of ${NAMES.join(', ')}`),
  times: v.pipe(v.string(), v.regex(/^[1-9]\d{0,3}$/, '--times is from 1 to 9999'), v.transform(Number)),
})

/** The shop that is told of what happens fails for a while. */
export const shopFails: Thing = {
  about: 'the shop that is told of orders fails the next times',
  options: {
    how: { type: 'string', default: '500', about: NAMES.join(', ') },
    times: { type: 'string', default: '1', about: 'how many deliveries fail' },
  },
  async prepare(given, { shopUrl }) {
    const { how, times } = readOptions(Options, given)
    if (shopUrl === undefined)
      throw new TypeError(
        'The local cloud tells the webhook of WEBHOOK_URL: only its own shop fails when it is told to',
      )
    return {
      about: `the shop fails (${how})`,
      async fire() {
        await askControl(`${shopUrl}/_control/failures`, { how, times }, v.looseObject({ times: v.number() }))
        return { status: 200, said: times === 1 ? 'the next delivery' : `the next ${times} deliveries` }
      },
    }
  },
}
