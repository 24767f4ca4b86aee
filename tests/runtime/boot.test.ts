import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import { EXECUTABLES, RUNTIMES } from './executables.ts'
import { bundleProbe } from './start-probe.ts'

let bundle: Awaited<ReturnType<typeof bundleProbe>>
beforeAll(async () => {
  bundle = await bundleProbe('broken')
})
afterAll(() => bundle.remove())

describe.each(RUNTIMES)('on %s', (runtime) => {
  function run(env: Readonly<Record<string, string>>) {
    return spawnSync(EXECUTABLES[runtime], [bundle.file], {
      env: { HOST: '127.0.0.1', ...env },
      encoding: 'utf8',
    })
  }

  test('a function without its settings says which, in one line and nothing else, and ends with 1', () => {
    const { stdout, stderr, status } = run({ APP_SECRET: 'change-me' })

    expect([status, stderr, stdout.trimEnd().split('\n').length]).toEqual([1, '', 1])
    expect(JSON.parse(stdout)).toEqual({
      time: expect.any(String),
      level: 'error',
      event: 'runtime.boot_failed',
      message: 'Cannot read configuration',
      problems: ['APP_NAME is missing', 'APP_SECRET is a default or example value'],
    })
  })

  test('a mistake in a function’s start is told with its stack, in one line', () => {
    const { stdout, stderr, status } = run({ MISTAKE: '1' })

    expect([status, stderr]).toEqual([1, ''])
    expect(JSON.parse(stdout)).toMatchObject({
      event: 'runtime.boot_failed',
      message: 'a mistake of ours',
      error: { name: 'RangeError', stack: expect.stringContaining('a mistake of ours') },
    })
  })

  test('a port that is taken is told in one line', async () => {
    const taken = createServer()
    const port = await new Promise<number>((resolve) =>
      taken.listen(0, '127.0.0.1', () => resolve(Number(Object(taken.address())['port']))),
    )

    const { stdout, status } = run({ APP_NAME: 'broken', APP_SECRET: 'k'.repeat(40), PORT: String(port) })
    taken.close()

    expect(status).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ event: 'runtime.boot_failed', error: { code: 'EADDRINUSE' } })
  })
})
