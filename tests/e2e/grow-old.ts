import { sql } from 'kysely'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DevCommand } from './dev-command.ts'
import { withDatabase } from './kept-files.ts'

const TIMES = ['created_at', 'updated_at', 'expires_at', 'check_due_at', 'scanned_at'] as const
/** Where the store keeps what it knows, and the field that says since when. */
const RECORDS = [
  { folder: 'objects', field: 'modifiedMs' },
  { folder: 'uploads', field: 'startedMs' },
] as const

/** Ends the local cloud and has everything that it keeps of files be older by `ms`, as sweeps see it at the next start. */
export async function endAndGrowOld(cloud: DevCommand, ms: number): Promise<void> {
  await withDatabase(cloud.folder, async (database) => {
    const ago = sql`make_interval(secs => ${ms / 1_000})`
    const older = TIMES.map((name) => sql`${sql.ref(name)} = ${sql.ref(name)} - ${ago}`)
    await sql`update files set ${sql.join(older)}`.execute(await database.sql())
  })
  await cloud.end('SIGTERM')
  for (const record of RECORDS)
    await recordsGrowOld(join(cloud.folder, 'objects', record.folder), record.field, ms)
}

async function recordsGrowOld(folder: string, field: string, ms: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const file = join(folder, name)
    const record = { ...Object(JSON.parse(await readFile(file, 'utf8'))) }
    await writeFile(file, JSON.stringify({ ...record, [field]: Number(record[field]) - ms }))
  }
}
