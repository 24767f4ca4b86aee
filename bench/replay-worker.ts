// Runs in a process of its own: node bench/replay-worker.ts <url> <file of Posted[] as JSON>
// Posts each of the requests once, and prints what it measured.
import { readFileSync } from 'node:fs'
import { sendAll } from './http-load.ts'
import type { HttpLoad } from './http-load-worker.ts'
import { median } from './table.ts'

export interface Posted {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const CONNECTIONS = 16
/** Besides the first, which warms up. */
const ROUNDS = 5

const [target = '', file = ''] = process.argv.slice(2)
const url = new URL(target)
const requests = (JSON.parse(readFileSync(file, 'utf8')) as readonly Posted[]).map(bytesOf) // written by the bench
const perRound = Math.floor(requests.length / (ROUNDS + 1))

const statuses: Record<string, number> = {}
const rates: number[] = []
const times: number[] = []
for (let round = 0; round <= ROUNDS; round += 1) {
  const batch = requests.slice(round * perRound, (round + 1) * perRound).values()
  const next = () => batch.next().value
  const startedAt = performance.now()
  const lanes = await Promise.all(Array.from({ length: CONNECTIONS }, () => sendAll({ url, next, statuses })))
  if (round === 0) continue
  rates.push((perRound / (performance.now() - startedAt)) * 1_000)
  times.push(...lanes.flat())
}
times.sort((a, b) => a - b)
const at = (share: number) => times[Math.floor(times.length * share)] ?? 0
const load: HttpLoad = { perS: median(rates), p50Ms: at(0.5), p99Ms: at(0.99), statuses }
console.log(JSON.stringify(load))

function bytesOf({ headers, body }: Posted): Buffer {
  const all = { host: url.host, 'content-length': String(Buffer.byteLength(body)), ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
  return Buffer.from([`POST ${url.pathname} HTTP/1.1`, ...lines, '', body].join('\r\n'))
}
