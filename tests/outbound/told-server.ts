import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createFailures, type Failures } from '#scripts/emulator/partner/failures.ts'

/** A server that fails as told, and is well otherwise. */
export interface ToldServer extends Pick<Failures, 'next'> {
  readonly port: number
  readonly url: URL
  /** What was asked so far, failures included. */
  readonly seen: readonly Pick<IncomingMessage, 'method' | 'url' | 'headers'>[]
  close(): Promise<void>
}

export async function toldServer(answer: (seen: number) => string = () => '{}'): Promise<ToldServer> {
  const failures = createFailures()
  const seen: Pick<IncomingMessage, 'method' | 'url' | 'headers'>[] = []
  const server: Server = createServer((request, response) => {
    const { method, url, headers } = request
    seen.push({ method, url, headers })
    if (failures.spoil(request, response)) return
    request.resume().on('end', () => response.end(answer(seen.length)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('Cannot read the port')
  return {
    port: address.port,
    url: new URL(`http://127.0.0.1:${address.port}/path?secret=hush`),
    seen,
    next: failures.next,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
