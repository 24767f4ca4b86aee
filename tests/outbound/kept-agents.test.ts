import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { Agent, createServer, request, type Server, type ServerResponse } from 'node:http'
import { keptAgents } from '#shared/outbound/kept-agents.ts'

let server: Server
let port: number
let connections: number
/** Answers of `/held`, which the test gives. */
let held: ServerResponse[]
let nowMs: number
let agents: Agent[]
let agentOf: (origin: string) => Agent

beforeEach(async () => {
  ;[connections, held, nowMs, agents] = [0, [], 0, []]
  server = createServer((incoming, response) => {
    if (incoming.url === '/held') held.push(response)
    else response.end('ok')
  }).on('connection', () => (connections += 1))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  port = typeof address === 'object' && address !== null ? address.port : 0
  agentOf = keptAgents(
    () => {
      const agent = new Agent({ keepAlive: true })
      agents.push(agent)
      return agent
    },
    () => nowMs,
  )
})
afterEach(async () => {
  for (const agent of agents) agent.destroy()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

/** Resolves with the answer when its connection is free again, or closed. */
function call(origin: string, path = '/'): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', path, agent: agentOf(origin) }
    request(options, (incoming) => {
      let text = ''
      incoming.on('data', (part: Buffer) => (text += part.toString()))
      incoming.on('error', reject)
      incoming.on('close', () => setImmediate(() => resolve(text)))
    })
      .on('error', reject)
      .end()
  })
}

function openSockets(agent: Agent | undefined): number {
  const sockets = Object.values(agent?.freeSockets ?? {}).flat()
  return sockets.filter((socket) => socket?.destroyed === false).length
}

describe('connections that are kept', () => {
  test('serve the next call of their origin, and none of another one', async () => {
    await call('http://a.test')
    await call('http://a.test')
    const ofOne = connections
    await call('http://b.test')

    expect([ofOne, connections]).toEqual([1, 2])
  })

  test('are not used again after 20 s, however much another origin is called', async () => {
    await call('http://a.test')
    for (let n = 0; n < 3; n++) {
      nowMs += 10_000
      await call('http://b.test')
    }
    const before = connections

    await call('http://a.test')
    await call('http://b.test')

    expect([before, connections]).toEqual([2, 3])
  })

  test('are left alone while a call is under way on them', async () => {
    await call('http://a.test')
    const slow = call('http://a.test', '/held')
    await new Promise<void>((resolve) => server.once('request', () => resolve()))
    nowMs += 30_000

    await call('http://a.test')
    held[0]?.end('late')

    expect(await slow).toBe('late')
    expect(connections).toBe(2)
  })

  test('belong to 64 origins at most: those of the one called longest ago are closed', async () => {
    await call('http://first.test')
    await call('http://second.test')
    for (let n = 0; n < 62; n++) agentOf(`http://${n}.test`)
    await call('http://first.test')
    agentOf('http://last.test')
    const [first, second] = agents

    expect(connections).toBe(2)
    expect(agentOf('http://first.test')).toBe(first)
    expect(agentOf('http://second.test')).not.toBe(second)
    expect(openSockets(first)).toBe(1)
    expect(openSockets(second)).toBe(0)
  })
})
