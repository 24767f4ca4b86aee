// Runs in a process of its own: node bench/webhook-server.ts [hangs]
// A receiver of webhooks that is content with everything, or never answers. Prints its port.
import { createServer } from 'node:http'

const hangs = process.argv[2] === 'hangs'
const server = createServer((request, response) => {
  request.resume().on('end', () => {
    if (!hangs) response.writeHead(204).end()
  })
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify(server.address())))
