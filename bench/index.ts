// npm run bench: speed and size in one table. Takes names to run some: npm run bench -- tokens size
import { benchCallback } from './callback.ts'
import { benchDownload } from './download.ts'
import { benchEdit } from './edit.ts'
import { benchOutbox } from './outbox.ts'
import { benchRateCheck } from './rate-check.ts'
import { benchRateLimit } from './rate-limit.ts'
import { benchRules } from './rules.ts'
import { benchSize } from './size.ts'
import { benchStart } from './start.ts'
import { machine, printTable, type Row } from './table.ts'
import { benchTokens } from './tokens.ts'
import { benchUploadForm } from './upload-form.ts'
import { benchUpload } from './upload.ts'

const HELP = `npm run bench [-- names]

  size     KB of every function's bundle
  start    npm start: program start to ready
  edit     a saved file to the first answer of the new code
  tokens   access tokens verified and sessions refreshed, per second on one core, on Node and on Bun
  rules    a decision over 100 risk rules, and what it costs to have them ready
  rate-limit  limits checked on Redis, per second, and the memory of a key, beside other libraries
  rate-check  the built function over HTTP, signed, on Bun and on Node, beside bare servers around other libraries
  upload      100 MB through the built function and its memory, on Bun and on Node, beside bare busboy servers
  download    the same back, beside bare servers of a file; and redirects to the bucket, per second
  callback    notifications of payments taken in by the built function on one core, on Bun and on Node
  outbox      messages drained, per second, on PostgreSQL and on MariaDB
  upload-form  upload forms issued over HTTP and signed alone, per second

Without names all of them run. Figures are medians; the machine they were measured on is named above the table.`

const BENCHES: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
  size: benchSize,
  start: benchStart,
  edit: benchEdit,
  tokens: benchTokens,
  rules: benchRules,
  'rate-limit': benchRateLimit,
  'rate-check': benchRateCheck,
  upload: benchUpload,
  download: benchDownload,
  'upload-form': benchUploadForm,
  callback: benchCallback,
  outbox: benchOutbox,
}

const names = process.argv.slice(2)
const unknown = names.filter((name) => !(name in BENCHES))
if (unknown.length > 0) {
  console.log(HELP)
  process.exitCode = names.includes('--help') ? 0 : 1
} else {
  await run(names.length === 0 ? Object.keys(BENCHES) : names)
}

async function run(chosen: readonly string[]): Promise<void> {
  const rows: Row[] = []
  for (const name of chosen) {
    console.error(`measuring ${name} …`)
    rows.push(...((await BENCHES[name]?.()) ?? []))
  }
  console.log(`${machine()}\n`)
  printTable(rows)
}
