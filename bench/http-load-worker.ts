// Runs in a process of its own: node bench/http-load-worker.ts <url> [<kid> <key in base64url>]
// Posts one rate-check over and over on kept connections and prints what it measured.
import { canonicalRequest, hashBody } from '#shared/signing/canonical-request.ts'
import { requestMac } from '#shared/signing/sign-request.ts'
import { formatSignature } from '#shared/signing/signature-header.ts'
import { randomId } from '#shared/ids.ts'
import { sendAll } from './http-load.ts'
import { median } from './table.ts'

export interface HttpLoad {
  /** Median of the rounds. */
  readonly perS: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Answers by status. */
  readonly statuses: Readonly<Record<string, number>>
}

const CONNECTIONS = 16
const ROUNDS = 3
const ROUND_MS = 1_200

const [target = '', kid = '', key = ''] = process.argv.slice(2)
const url = new URL(target)
const body = Buffer.from(JSON.stringify({ checks: [{ policy: 'partner', key: { tenant: 'one' } }] }))
const secret = Buffer.from(key, 'base64url')
const bodyHash = hashBody(body)

const statuses: Record<string, number> = {}
const rates: number[] = []
let times: number[] = []
for (let round = 0; round <= ROUNDS; round += 1) {
  const took = await runRound()
  if (round === 0) continue // warming up
  rates.push(took.perS)
  times = times.concat(took.times)
}
times.sort((a, b) => a - b)
const at = (share: number) => times[Math.floor(times.length * share)] ?? 0
const load: HttpLoad = { perS: median(rates), p50Ms: at(0.5), p99Ms: at(0.99), statuses }
console.log(JSON.stringify(load))

async function runRound(): Promise<{ readonly perS: number; readonly times: readonly number[] }> {
  const startedAt = performance.now()
  const next = () => (performance.now() < startedAt + ROUND_MS ? request() : undefined)
  const lanes = await Promise.all(Array.from({ length: CONNECTIONS }, () => sendAll({ url, next, statuses })))
  const all = lanes.flat()
  return { perS: (all.length / (performance.now() - startedAt)) * 1_000, times: all }
}

function request(): Buffer {
  const head = [
    `POST ${url.pathname} HTTP/1.1`,
    `host: ${url.host}`,
    'content-type: application/json',
    `content-length: ${body.byteLength}`,
    ...(kid === '' ? [] : [`x-signature: ${signature()}`]),
  ]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body])
}

function signature(): string {
  const parts = { kid, ts: String(Math.floor(Date.now() / 1_000)), nonce: randomId() }
  const { host, pathname: path } = url
  const canonical = canonicalRequest({ ...parts, method: 'POST', host, path, query: '', bodyHash })
  return formatSignature({ ...parts, sig: requestMac(secret, canonical).toString('base64url') })
}
