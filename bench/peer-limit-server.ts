// Runs in a process of its own: node|bun bench/peer-limit-server.ts <flexible|upstash> <redis url>
// A bare HTTP server around another library's limiter, for comparison: it parses the body and nothing else.
import { createServer } from 'node:http'
import { Redis } from 'ioredis'
import { peerLimiters } from './rate-limit-peers.ts'

const [peer = '', redisUrl = ''] = process.argv.slice(2)
const redis = new Redis(redisUrl)
const limiter = peerLimiters(redis)[peer]
if (limiter === undefined) throw new TypeError(`No such peer: ${peer}`)

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const { checks } = JSON.parse(Buffer.concat(chunks).toString())
    void limiter(checks[0].key.tenant).then((allowed) => {
      const text = JSON.stringify({ allowed })
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length }).end(text)
    })
  })
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify(server.address())))
