import { describe } from '@jest/globals'
import { join } from 'node:path'
import { startPostgres } from '#scripts/services/postgres.ts'
import { databaseOutageSuite } from '#tests/contracts/database-outage.ts'
import { databaseSuite } from '#tests/contracts/database.ts'
import { temporaryFolder } from '#tests/services/servers.ts'

describe('the database on PostgreSQL', () => {
  databaseSuite('postgres')

  const dataDir = join(temporaryFolder(), 'postgres')
  databaseOutageSuite(async () => {
    let server = await startPostgres({ dataDir })
    return {
      url: new URL(server.url),
      stop: () => server.stop(),
      async restart() {
        server = await startPostgres({ dataDir, port: server.port })
      },
    }
  })
})
