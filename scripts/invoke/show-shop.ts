import { parseArgs } from 'node:util'
import * as v from 'valibot'
import type { Addresses } from '#scripts/dev/addresses.ts'
import { ask } from './ask.ts'

const Deliveries = v.pipe(
  v.string(),
  v.parseJson(),
  v.array(
    v.object({
      type: v.string(),
      data: v.looseObject({ no: v.optional(v.string(), '') }),
      isSigned: v.boolean(),
      answered: v.number(),
    }),
  ),
)

const HELP = `Usage: npm run invoke -- shop [--data-folder <dir>]

What the local cloud's shop was told, one line each: topic, order, whether the signature was right, what it answered.`

interface ShopSurroundings {
  /** Where the parts of the local cloud are that runs on a data folder. */
  readonly runningOn: (folder: string) => Addresses | undefined
  readonly out: (line: string) => void
}

/**
 * npm run invoke -- shop: what the local cloud's shop was told, a line each.
 *
 * @throws Error in plain words when there is none
 */
export async function showShop(args: readonly string[], { runningOn, out }: ShopSurroundings): Promise<void> {
  const options = {
    'data-folder': { type: 'string', default: '.dev' },
    help: { type: 'boolean', short: 'h' },
  } as const
  const { values } = parseArgs({ args: [...args], options })
  if (values.help === true) return out(HELP)
  const url = runningOn(values['data-folder'])?.shopUrl
  if (url === undefined)
    throw new Error(
      'No local cloud with a shop of its own runs here. Start it in another terminal: npm start',
    )
  const { body } = await ask(new Request(`${url}/deliveries`))
  for (const { type, data, isSigned, answered } of v.parse(Deliveries, body))
    out(
      `${type}  ${data.no}  ${isSigned ? 'signed' : 'not signed'}  ${answered === 0 ? 'no answer' : answered}`,
    )
}
