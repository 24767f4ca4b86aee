import { describe, expect, test } from '@jest/globals'
import { createLogger } from '#shared/telemetry/logger.ts'
import { createRareLog } from '#shared/telemetry/rare-log.ts'

function opened() {
  const clock = { nowMs: 0 }
  const lines: { part: string; count: number; since: string }[] = []
  const logger = createLogger({
    clock: () => clock.nowMs,
    write: (line) => void lines.push(JSON.parse(line)),
  })
  const log = createRareLog({ logger, clock: () => clock.nowMs }, 'thing.degraded')
  const told = () => lines.map(({ part, count, since }) => [part, count, since])
  return { clock, log, told }
}

describe('an event that is logged rarely', () => {
  test('is told at once, then once a second with how often it came, and since when', () => {
    const { clock, log, told } = opened()

    log({ part: 'a' })
    clock.nowMs = 500
    log({ part: 'b' })
    clock.nowMs = 999
    log({ part: 'c' })
    clock.nowMs = 1_000
    log({ part: 'd' })

    expect(told()).toEqual([
      ['a', 1, '1970-01-01T00:00:00.000Z'],
      ['d', 3, '1970-01-01T00:00:00.500Z'],
    ])
  })

  test('what was left untold says that it is old when the next one comes much later', () => {
    const { clock, log, told } = opened()
    log({ part: 'a' })
    log({ part: 'a' })

    clock.nowMs = 60_000
    log({ part: 'b' })

    expect(told().at(-1)).toEqual(['b', 2, '1970-01-01T00:00:00.000Z'])
  })

  test('a clock that was set back does not keep it quiet', () => {
    const { clock, log, told } = opened()
    clock.nowMs = 3_600_000
    log({ part: 'a' })

    clock.nowMs = 0
    log({ part: 'b' })

    expect(told()).toHaveLength(2)
  })
})
