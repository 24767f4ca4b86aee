// Runs in a process of its own: node|bun bench/peer-file-server.ts <file>
// The shortest server of one file that a runtime has, for comparison.
import { createReadStream } from 'node:fs'
import { createServer } from 'node:http'
import { pipeline } from 'node:stream'

interface Bun {
  file(path: string): Blob
  serve(options: { readonly hostname: string; readonly port: number; fetch(): Response }): {
    readonly port: number
  }
}

declare const Bun: Bun

const [path = ''] = process.argv.slice(2)
if ('Bun' in globalThis) {
  const { port } = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response(Bun.file(path)) })
  console.log(JSON.stringify({ port }))
} else {
  const server = createServer((_request, response) => {
    pipeline(createReadStream(path), response, () => {}) // a client that leaves is no concern here
  })
  server.listen(0, '127.0.0.1', () => console.log(JSON.stringify(server.address())))
}
