import type { IncomingHttpHeaders } from 'node:http'

/** A call of a cloud's API, as it arrived. */
export interface ApiCall {
  readonly method: string
  /** Percent-encoded, without the query. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** Whoever signs calls. */
export interface Credentials {
  readonly accessKeyId: string
  readonly accessKeySecret: string
}

/** A header's value; empty when it is missing. */
export function headerOf({ headers }: ApiCall, name: string): string {
  return String(headers[name] ?? '')
}
