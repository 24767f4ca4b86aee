import { describe, expect, test } from '@jest/globals'
import { CompiledQuery } from 'kysely'
import { openDatabase } from '#shared/db/open-database.ts'
import { postgresState } from '#shared/state/postgres-state.ts'
import type { StateStore } from '#shared/state/store.ts'
import { migrate } from '#scripts/migrate.ts'
import { startPostgres } from '#scripts/services/postgres.ts'
import { stateOutageSuite } from '#tests/contracts/state-outage.ts'
import { stateStoreSuite } from '#tests/contracts/state-store.ts'
import { eventually } from '#tests/services/eventually.ts'
import { temporaryFolder } from '#tests/services/servers.ts'
import { testDatabase } from '#tests/services/test-database.ts'

/** What a store does is tested on machines that are busy with other things. */
const PATIENT_MS = 4_000
const never = new AbortController().signal

function openStore(url: URL, operationMs = 190): StateStore {
  const database = openDatabase({ url, poolSize: 2 })
  const store = postgresState({ queries: database, operationMs })
  return { ...store, close: () => database.close() }
}

describe('the state store on PostgreSQL', () => {
  stateStoreSuite(async () => {
    const database = await testDatabase('postgres')
    return { store: openStore(database.url, PATIENT_MS), close: () => database.close() }
  })

  let password: URL
  stateOutageSuite(
    async (port) => {
      const url = new URL(password)
      url.port = String(port)
      return openStore(url)
    },
    async () => {
      const dataDir = `${temporaryFolder()}/postgres`
      let server = await startPostgres({ dataDir })
      await migrate({ url: new URL(server.url) })
      password = new URL(server.url)
      return {
        port: server.port,
        kill: () => server.stop(),
        async restart() {
          server = await startPostgres({ dataDir, port: server.port })
        },
      }
    },
  )
  password = new URL('postgres://nobody:none@127.0.0.1:1/none')

  test('writing now and then deletes what has expired, values and full buckets alike, and nothing else', async () => {
    const test = await testDatabase('postgres')
    const database = openDatabase({ url: test.url, poolSize: 2 })
    const queries = database
    const sweeping = postgresState({ queries, random: () => 0, operationMs: PATIENT_MS })
    const idle = postgresState({ queries, random: () => 1, operationMs: PATIENT_MS })
    await idle.set('short', '1', { ttlMs: 1 }, never)
    await idle.set('long', '1', { ttlMs: 60_000 }, never)
    await idle.consume({ limits: [{ key: 'short', burst: 1, intervalMs: 1 }] }, never)
    await idle.consume({ limits: [{ key: 'long', burst: 1, intervalMs: 60_000 }] }, never)

    await eventually(async () => (await idle.get('short', never)) === undefined, { withinMs: 1_000 })
    await sweeping.set('other', '1', { ttlMs: 60_000 }, never)
    await sweeping.consume({ limits: [{ key: 'other', burst: 1, intervalMs: 60_000 }] }, never)

    const rows = await queries.query(
      'select key from state union all select key from state_cells order by 1',
      [],
      never,
    )
    expect(rows.map((row) => row['key'])).toEqual(['long', 'long', 'other', 'other'])
    await database.close()
    await test.close()
  })

  test('nothing of it is written ahead, so that it costs no disk', async () => {
    const test = await testDatabase('postgres')
    const database = openDatabase({ url: test.url, poolSize: 1 })

    const { rows } = await (
      await database.sql()
    ).executeQuery(
      CompiledQuery.raw(
        "select relname from pg_class where relpersistence = 'u' and relkind = 'r' order by 1",
      ),
    )

    expect(rows).toEqual([{ relname: 'state' }, { relname: 'state_cells' }])
    await database.close()
    await test.close()
  })
})
