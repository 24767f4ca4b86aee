import { describe, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { randomId } from '#shared/ids.ts'
import type { Limit } from '#shared/state/store.ts'
import { runtimeExecutable } from '#scripts/dev/runtime-executable.ts'
import { describeWith } from '#tests/services/describe-with.ts'
import { testDatabase } from '#tests/services/test-database.ts'
import { testRedis } from '#tests/services/test-redis.ts'

const PROCESSES = 8
const TAKING_MS = 1_200
const TIMEOUT_MS = 60_000
const root = dirname(dirname(import.meta.dirname))
const program = join(import.meta.dirname, 'samples/take-limit.ts')

interface Taken {
  readonly granted: number
  readonly firstAt: number | null
  readonly lastAt: number
}

async function takeInOneProcess(store: string, url: string, limit: Limit): Promise<Taken> {
  const args = [program, store, url, JSON.stringify(limit), String(TAKING_MS)]
  const child = spawn(runtimeExecutable('node', root), args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (chunk) => (text += String(chunk)))
  const [code] = await once(child, 'close')
  expect(code).toBe(0)
  return JSON.parse(text)
}

async function takeInMany(
  store: string,
  url: string,
  limit: Limit,
): Promise<{ granted: number; ms: number }> {
  const all = await Promise.all(Array.from({ length: PROCESSES }, () => takeInOneProcess(store, url, limit)))
  const firstAt = Math.min(...all.map(({ firstAt }) => firstAt ?? Number.POSITIVE_INFINITY))
  return {
    granted: all.reduce((sum, { granted }) => sum + granted, 0),
    ms: Math.max(...all.map(({ lastAt }) => lastAt)) - firstAt,
  }
}

function suite(store: string, open: () => Promise<{ url: string; close: () => Promise<void> }>): void {
  test(
    'eight processes on one bucket never get more than its burst and its rate',
    async () => {
      const { url, close } = await open()
      const limit = { key: randomId(), burst: 50, intervalMs: 20 }

      const { granted, ms } = await takeInMany(store, url, limit)

      expect(granted).toBeLessThanOrEqual(50 + Math.floor(ms / 20) + 1)
      // It was the limit that held them, not the store's speed.
      expect(granted).toBeGreaterThanOrEqual(50 + Math.floor(ms / 20) * 0.8)
      await close()
    },
    TIMEOUT_MS,
  )

  test.each(['sliding-window', 'fixed-window'] as const)(
    'eight processes on one %s never get more than its quota in each window',
    async (kind) => {
      const { url, close } = await open()
      const limit = { kind, key: randomId(), quota: 40, windowMs: 300 }

      const { granted, ms } = await takeInMany(store, url, limit)

      // As many windows as the time can touch.
      expect(granted).toBeLessThanOrEqual(40 * (Math.ceil(ms / 300) + 1))
      expect(granted).toBeGreaterThanOrEqual(40)
      await close()
    },
    TIMEOUT_MS,
  )
}

describeWith(['redis'], 'limits on Redis across processes', () => {
  suite('redis', async () => {
    const server = await testRedis()
    return { url: server.url, close: () => server.stop() }
  })
})

describe('limits on PostgreSQL across processes', () => {
  suite('postgres', async () => {
    const database = await testDatabase('postgres')
    return { url: String(database.url), close: () => database.close() }
  })
})
