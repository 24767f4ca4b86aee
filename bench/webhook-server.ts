// Runs in a process of its own: node bench/webhook-server.ts
// A receiver of webhooks that is content with everything. Prints its port.
import { createServer } from 'node:http'

const server = createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(204).end())
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify(server.address())))
