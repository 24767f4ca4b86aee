// Runs in a process of its own: node bench/null-store-server.ts
// Answers writes as S3 does, and keeps nothing: what a store costs of its own is no part of what is measured then.
import { createServer } from 'node:http'

const ETAG = '"d41d8cd98f00b204e9800998ecf8427e"'
const XML =
  '<Answer><UploadId>one</UploadId><ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag></Answer>'

const server = createServer((request, response) => {
  request.resume().once('end', () => {
    const body = request.method === 'POST' ? XML : ''
    response.writeHead(request.method === 'DELETE' ? 204 : 200, {
      etag: ETAG,
      'content-type': 'application/xml',
    })
    response.end(body)
  })
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify(server.address())))
