import { connect } from 'node:net'
import type { HttpLoad } from './http-load-worker.ts'
import { median } from './table.ts'

export interface LoadOptions {
  readonly url: URL
  readonly connections: number
  /** The whole request that a lane sends over and over. */
  readonly request: (lane: number) => Uint8Array
}

const ROUNDS = 3
const ROUND_MS = 1_500

/** Sends one request at a time on each of some kept connections, and measures. */
export async function httpLoad(options: LoadOptions): Promise<HttpLoad> {
  const statuses: Record<string, number> = {}
  const rates: number[] = []
  let times: number[] = []
  for (let round = 0; round <= ROUNDS; round += 1) {
    const startedAt = performance.now()
    const lanes = await Promise.all(
      Array.from({ length: options.connections }, (_, at) => {
        const request = options.request(at)
        const next = () => (performance.now() < startedAt + ROUND_MS ? request : undefined)
        return sendAll({ url: options.url, next, statuses })
      }),
    )
    if (round === 0) continue // warming up
    const took = lanes.flat()
    rates.push((took.length / (performance.now() - startedAt)) * 1_000)
    times = times.concat(took)
  }
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor(times.length * share)] ?? 0
  return { perS: median(rates), p50Ms: at(0.5), p99Ms: at(0.99), statuses }
}

export interface Lane {
  readonly url: URL
  /** The next request to send; none when the lane is over. */
  readonly next: () => Uint8Array | undefined
  /** Answers by status; counted here. */
  readonly statuses: Record<string, number>
}

/** One connection, one request at a time; resolves with the times of its requests in ms. */
export function sendAll({ url, next, statuses }: Lane): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    const took: number[] = []
    const socket = connect(Number(url.port), url.hostname)
    let sentAt = 0
    let buffer = ''
    const send = () => {
      const request = next()
      sentAt = performance.now()
      if (request === undefined) {
        socket.end()
        resolve(took)
      } else socket.write(request)
    }
    socket.setNoDelay(true).once('connect', send).once('error', reject)
    socket.once('close', () => reject(new TypeError(`${url.host} closed the connection`)))
    socket.on('data', (chunk: Buffer) => {
      buffer += chunk.toString('latin1')
      const head = buffer.indexOf('\r\n\r\n')
      const [, length = '0'] = /content-length: (\d+)/i.exec(buffer.slice(0, head)) ?? []
      if (head < 0 || buffer.length < head + 4 + Number(length)) return
      const status = buffer.slice(9, 12)
      statuses[status] = (statuses[status] ?? 0) + 1
      buffer = ''
      took.push(performance.now() - sentAt)
      send()
    })
  })
}
