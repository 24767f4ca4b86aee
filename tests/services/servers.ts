import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from '#shared/once.ts'
import { startMariadb } from '#scripts/services/mariadb.ts'
import { startPostgres } from '#scripts/services/postgres.ts'

/** A new folder that servers of another account may enter, removed when the run or this process ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(process.env['TEST_FOLDER'] ?? tmpdir(), 'xiaohan-test-'))
  chmodSync(folder, 0o755)
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The administrator's URL of the PostgreSQL that all suites share: the runner's, or else one of this process. */
export const postgresUrl = once(async () => {
  const given = process.env['TEST_POSTGRES_URL']
  return given ?? (await startPostgres({ dataDir: join(temporaryFolder(), 'postgres') })).url
})

/** The same for MariaDB. */
export const mysqlUrl = once(async () => {
  const given = process.env['TEST_MYSQL_URL']
  return given ?? required(await startMariadb({ dataDir: join(temporaryFolder(), 'mariadb') })).url
})

export function required<T>(server: T | undefined): T {
  if (server === undefined)
    throw new Error('Cannot start the server: it is not installed. `npm test` says how to.')
  return server
}
