import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface TcpProxy {
  readonly port: number
  /** From now on nothing passes, in either direction, and nobody is told: new connections open and stay silent. */
  swallow(): void
  /** From now on what the server says is lost, while it still hears the client. */
  swallowAnswers(): void
  /** Breaks every connection. */
  cut(): void
  /** Lets new connections through again; the old ones stay silent for ever. */
  restore(): void
  close(): Promise<void>
}

/** Stands between a client and a server, to lose packets as a network does. */
export async function tcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  let swallowing = false
  let answersLost = false
  // Connections of an earlier generation were swallowed.
  let generation = 0

  function track(socket: Socket): Socket {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    return socket
  }

  const server = createServer((client) => {
    track(client)
    if (swallowing) {
      client.resume()
      return
    }
    const upstream = track(connect(targetPort, '127.0.0.1'))
    const born = generation
    client.on('data', (data) => born === generation && upstream.write(data))
    upstream.on('data', (data) => born === generation && !answersLost && client.write(data))
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => born === generation && client.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string')
    throw new Error('Cannot start the proxy: it has no port')

  return {
    port: address.port,
    swallow() {
      swallowing = true
      generation += 1
    },
    swallowAnswers() {
      answersLost = true
    },
    cut() {
      for (const socket of sockets) socket.destroy()
    },
    restore() {
      swallowing = false
      answersLost = false
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
