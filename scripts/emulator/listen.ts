import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

/** A server on this machine that stands for somebody else's. */
export interface Listening {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  /** Breaks what is under way. */
  stop(): Promise<void>
}

/** Serves on 127.0.0.1, at any free port unless one is given. Rejects when the port is taken. */
export async function listen(
  serve: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  port = 0,
): Promise<Listening> {
  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy()) // the caller went away, or we are stopping
  })
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen(port, '127.0.0.1', resolve),
  )
  const address = server.address()
  if (address === null || typeof address === 'string')
    throw new TypeError('Cannot read the port of the server')
  return {
    url: `http://127.0.0.1:${address.port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
