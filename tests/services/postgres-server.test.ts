import { describe, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startPostgres } from '#scripts/services/postgres.ts'

import { openDatabase } from '#shared/db/open-database.ts'
import { eventually } from './eventually.ts'
import { temporaryFolder } from './servers.ts'

const signal = new AbortController().signal

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe('PostgreSQL of our own', () => {
  test('it needs the password of its folder, which others cannot read', async () => {
    const dataDir = join(temporaryFolder(), 'postgres')
    const server = await startPostgres({ dataDir })
    const wrong = new URL(server.url)
    wrong.password = 'guess'
    const [right, guess] = [new URL(server.url), wrong].map((url) => openDatabase({ url, poolSize: 1 }))

    await expect(right?.warm(signal)).resolves.toBeUndefined()
    await expect(guess?.warm(signal)).rejects.toThrow('password authentication failed')

    expect(statSync(join(dataDir, 'password')).mode & 0o077).toBe(0)
    await right?.close()
    await server.stop()
    expect(isAlive(server.pid)).toBe(false)
  })

  test('a second start on a folder in use says which process uses it', async () => {
    const dataDir = join(temporaryFolder(), 'postgres')
    const server = await startPostgres({ dataDir })

    await expect(startPostgres({ dataDir })).rejects.toThrow(`process ${server.pid} already runs on`)

    await server.stop()
  })

  test('it starts again after kill -9, even when its old process id belongs to another program', async () => {
    const dataDir = join(temporaryFolder(), 'postgres')
    const first = await startPostgres({ dataDir })
    const lock = join(dataDir, 'data', 'postmaster.pid')
    process.kill(first.pid, 'SIGKILL')
    await eventually(async () => !isAlive(first.pid), { withinMs: 5_000 })
    expect(existsSync(lock)).toBe(true)
    writeFileSync(lock, readFileSync(lock, 'utf8').replace(/^\d+/, String(process.pid)))

    const second = await startPostgres({ dataDir })

    expect(isAlive(second.pid)).toBe(true)
    await first.stop()
    await second.stop()
  })

  test('it ends when the program that started it is killed with kill -9', async () => {
    const dataDir = join(temporaryFolder(), 'postgres')
    const url = new URL('../../scripts/services/postgres.ts', import.meta.url).href
    const program = `const { startPostgres } = await import(${JSON.stringify(url)})
      const { pid } = await startPostgres({ dataDir: ${JSON.stringify(dataDir)} })
      console.log(pid)`
    const parent = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(parent.stdout, 'data')) as [Uint8Array]
    const pid = Number(String(line).trim())
    expect(isAlive(pid)).toBe(true)

    parent.kill('SIGKILL')

    await eventually(async () => !isAlive(pid), { withinMs: 5_000 })
    expect(isAlive(pid)).toBe(false)
  })
})
