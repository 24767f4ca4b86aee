import { describe, expect, test } from '@jest/globals'
import { supervised } from '#scripts/dev/supervised.ts'
import { eventually } from './eventually.ts'

const SOON = { withinMs: 2_000 }

/** A server that is only its end. */
function fakeServer() {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  const server = { isStopped: false, ended, end, stop }
  async function stop() {
    server.isStopped = true
    end()
  }
  return server
}

function fleet() {
  const told: string[] = []
  const servers = [fakeServer()]
  let nowMs = 0
  const last = () => servers.at(-1) ?? fakeServer()
  const supervision = {
    name: 'Redis',
    logFile: 'data/servers.log',
    told: (text: string) => void told.push(text),
    clock: () => nowMs,
    again: async () => {
      servers.push(fakeServer())
      return last()
    },
  }
  return { told, servers, last, supervision, pass: (ms: number) => (nowMs += ms) }
}

describe('a supervised server', () => {
  test('that ends is started again three times in a row, then stays down and says where to look', async () => {
    const { told, servers, last, supervision } = fleet()
    supervised(last(), supervision)

    for (let count = 2; count <= 4; count++) {
      last().end()
      await eventually(async () => servers.length === count, SOON)
    }
    last().end()

    await eventually(async () => told.includes('Redis keeps ending: see data/servers.log'), SOON)
    expect(servers).toHaveLength(4)
  })

  test('that was well for a minute has its count begin anew', async () => {
    const { told, servers, last, supervision, pass } = fleet()
    const supervisor = supervised(last(), supervision)

    for (let count = 2; count <= 8; count++) {
      pass(60_000)
      last().end()
      await eventually(async () => servers.length === count, SOON)
    }

    expect(told).toEqual(Array.from({ length: 7 }, () => 'Redis ended; starting it again'))
    await supervisor.stop()
  })

  test('that is stopped while it starts again is stopped once it has', async () => {
    const { last, supervision } = fleet()
    const { promise, resolve } = Promise.withResolvers<ReturnType<typeof fakeServer>>()
    let starts = 0
    const again = () => ((starts += 1), promise)
    const supervisor = supervised(last(), { ...supervision, again })
    last().end()
    await eventually(async () => starts === 1, SOON)

    const stopped = supervisor.stop()
    const next = fakeServer()
    resolve(next)
    await stopped

    expect([next.isStopped, starts]).toEqual([true, 1])
  })

  test('that cannot be started again says why', async () => {
    const { told, last, supervision } = fleet()
    const again = () => Promise.reject(new Error('Cannot start', { cause: new Error('the disk is full') }))

    supervised(last(), { ...supervision, again })
    last().end()

    await eventually(async () => told.includes('Redis keeps ending: see data/servers.log'), SOON)
    expect(told).toContain('Cannot start\n  because: the disk is full')
  })
})
