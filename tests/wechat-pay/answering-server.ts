import { createServer } from 'node:http'

/** A server with one answer to everything; a text is sent as it is. */
export async function answeringServer(headers: Readonly<Record<string, string>>, value: unknown) {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, headers).end(typeof value === 'string' ? value : JSON.stringify(value))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      server.close()
      server.closeAllConnections()
    },
  }
}
