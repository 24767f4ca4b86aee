// Runs in a process of its own: node bench/user-load-worker.ts <UserLoad as JSON>
// Lets several users make the same request over and over, and prints what it measured.
import { httpLoad } from './http-load.ts'

export interface UserLoad {
  readonly method: string
  readonly url: string
  /** Access tokens; connections take turns with them. */
  readonly tokens: readonly string[]
  readonly connections: number
  /** Sent as JSON where there is one. */
  readonly body?: unknown
}

const plan = JSON.parse(process.argv[2] ?? '') as UserLoad // written by the bench
const url = new URL(plan.url)
const body = plan.body === undefined ? '' : JSON.stringify(plan.body)

console.log(JSON.stringify(await httpLoad({ url, connections: plan.connections, request })))

function request(lane: number): Uint8Array {
  const head = [
    `${plan.method} ${url.pathname}${url.search} HTTP/1.1`,
    `host: ${url.host}`,
    `authorization: Bearer ${plan.tokens[lane % plan.tokens.length] ?? ''}`,
    ...(body === '' ? [] : ['content-type: application/json', `content-length: ${Buffer.byteLength(body)}`]),
  ]
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`)
}
