// Runs in a process of its own: node bench/null-store-server.ts
// Answers as S3 does, takes what is written for as many bytes of its own, and gives those back: what a store costs is
// hardly any part of what is measured then.
import { createServer } from 'node:http'
import { Readable } from 'node:stream'

const ETAG = 'd41d8cd98f00b204e9800998ecf8427e'
const XML = `<Answer><UploadId>one</UploadId><ETag>&quot;${ETAG}&quot;</ETag></Answer>`
const BLOCK = Buffer.alloc(256 * 1024, 'x')
const HEADERS = {
  etag: `"${ETAG}"`,
  'content-type': 'application/xml',
  'last-modified': new Date().toUTCString(),
}

const sizes = new Map<string, number>()

const server = createServer((request, response) => {
  const { method, url = '/' } = request
  const [path = '', query = ''] = url.split('?')
  const before = query.startsWith('partNumber') ? (sizes.get(path) ?? 0) : 0
  const sizeBytes = before + Number(request.headers['content-length'] ?? 0)
  if (method === 'PUT' || query.startsWith('uploads')) sizes.set(path, sizeBytes)
  request.resume().once('end', () => {
    if (method === 'GET' || method === 'HEAD') {
      const length = sizes.get(path) ?? 0
      response.writeHead(200, { ...HEADERS, 'content-length': length })
      return void Readable.from(method === 'GET' ? blocks(length) : []).pipe(response)
    }
    response.writeHead(method === 'DELETE' ? 204 : 200, HEADERS).end(method === 'POST' ? XML : '')
  })
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify(server.address())))

function* blocks(length: number): Generator<Buffer> {
  for (let leftBytes = length; leftBytes > 0; leftBytes -= BLOCK.byteLength)
    yield BLOCK.subarray(0, leftBytes)
}
