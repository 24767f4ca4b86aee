// npm run traces: what calls of the local cloud did, and how long each part took.
import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { addressesOf } from './dev/addresses.ts'
import type { CollectedSpan } from './emulator/traces/read-spans.ts'
import { errorText } from './error-text.ts'
import { callList, traceTree } from './traces/trace-text.ts'

const HELP = `Usage: npm run traces [-- <request id>]

Without an id: the latest calls of the local cloud (npm start). With one: everything that was done for that request, in
every function, as a tree; deliveries that happened later included. Every answer carries its id as X-Request-Id.

  --limit <n>             as many calls  (20)
  --data-folder <folder>  the local cloud's folder  (.dev)
  --help                  this text`

const root = dirname(import.meta.dirname)

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      limit: { type: 'string', default: '20' },
      'data-folder': { type: 'string', default: '.dev' },
      help: { type: 'boolean' },
    },
    allowPositionals: true,
  })
  const [requestId, ...more] = positionals
  const limit = Number(values.limit)
  if (values.help === true || more.length > 0 || !(Number.isInteger(limit) && limit > 0)) {
    console.log(HELP)
    return values.help === true ? 0 : 1
  }
  const url = addressesOf(resolve(root, values['data-folder']))?.tracesUrl
  if (url === undefined)
    throw new TypeError(
      'No local cloud that collects traces runs on this folder: start one with npm start; where OTEL_EXPORTER_OTLP_ENDPOINT is set, traces go there',
    )
  const spans = (await (await fetch(`${url}/spans`)).json()) as readonly CollectedSpan[] // the collector's own answer
  const lines = requestId === undefined ? callList(spans, limit) : traceTree(spans, requestId)
  for (const line of lines) console.log(line)
  if (lines.length > 0) return 0
  console.error(requestId === undefined ? 'No calls yet' : `No trace of the request ${requestId}`)
  return requestId === undefined ? 0 : 1
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    console.error(errorText(error))
    process.exitCode = 1
  },
)
