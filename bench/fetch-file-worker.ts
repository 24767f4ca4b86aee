// Runs in a process of its own: node bench/fetch-file-worker.ts <url> [<access token>]
// Gets a file, lets go of it as it comes, and prints what came.
import { get } from 'node:http'

export interface FetchedFile {
  /** From the request to the last byte. */
  readonly ms: number
  readonly status: number
  readonly bytes: number
}

const [url = '', token] = process.argv.slice(2)
const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
const startedAt = performance.now()
get(url, { headers }, (response) => {
  let bytes = 0
  response.on('data', (chunk: Buffer) => (bytes += chunk.byteLength))
  response.on('end', () => {
    const fetched: FetchedFile = {
      ms: performance.now() - startedAt,
      status: response.statusCode ?? 0,
      bytes,
    }
    console.log(JSON.stringify(fetched))
  })
})
