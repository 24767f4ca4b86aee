import { join } from 'node:path'
import { startMariadb } from '#scripts/services/mariadb.ts'
import { databaseOutageSuite } from '#tests/contracts/database-outage.ts'
import { databaseSuite } from '#tests/contracts/database.ts'
import { describeWith } from '#tests/services/describe-with.ts'
import { required, temporaryFolder } from '#tests/services/servers.ts'

describeWith(['mariadb'], 'the database on MariaDB', () => {
  databaseSuite('mysql')

  const dataDir = join(temporaryFolder(), 'mariadb')
  databaseOutageSuite(async () => {
    let server = required(await startMariadb({ dataDir }))
    return {
      url: new URL(server.url),
      stop: () => server.stop(),
      async restart() {
        server = required(await startMariadb({ dataDir, port: server.port }))
      },
    }
  })
})
