import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'

export interface CuttingProxy {
  readonly port: number
  /** Breaks the connection over which the next `bytes` bytes of clients have gone, none after them. */
  cutAfter(bytes: number): void
  /** Whether that has happened. */
  isCut(): boolean
  close(): Promise<void>
}

/** Stands between clients and a server, and breaks off in the middle of what a client sends. */
export async function cuttingProxy(targetPort: number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>()
  let leftBytes = Infinity
  let cut = false

  function track(socket: Socket): Socket {
    sockets.add(socket)
    return socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy())
  }

  const server = createServer((client) => {
    track(client)
    const upstream = track(connect(targetPort, '127.0.0.1'))
    client.on('data', (data) => {
      const passing = data.subarray(0, leftBytes)
      leftBytes -= passing.length
      upstream.write(passing)
      if (leftBytes > 0) return
      leftBytes = Infinity
      cut = true
      upstream.end() // after what was written: the server has all of it
      client.destroy()
    })
    upstream.on('data', (data) => client.write(data))
    client.on('close', () => upstream.end())
    upstream.on('close', () => client.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    port: (server.address() as AddressInfo).port, // it listens on a port
    cutAfter(bytes) {
      leftBytes = bytes
      cut = false
    },
    isCut: () => cut,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
