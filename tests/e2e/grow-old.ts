import { sql } from 'kysely'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DevCommand } from './dev-command.ts'
import { withDatabase } from './kept-files.ts'

const TIMES = ['created_at', 'updated_at', 'expires_at', 'check_due_at', 'scanned_at'] as const
/** In the store's records: when an object was made, and when an upload began. */
const FIELDS = ['modifiedMs', 'startedMs'] as const

/** Ends the local cloud and has everything that it keeps of files be older by `ms`, as sweeps see it at the next start. */
export async function endAndGrowOld(cloud: DevCommand, ms: number): Promise<void> {
  await withDatabase(cloud.folder, async (database) => {
    const ago = sql`make_interval(secs => ${ms / 1_000})`
    const older = TIMES.map((name) => sql`${sql.ref(name)} = ${sql.ref(name)} - ${ago}`)
    await sql`update files set ${sql.join(older)}`.execute(await database.sql())
  })
  await cloud.end('SIGTERM')
  await recordsGrowOld(join(cloud.folder, 'objects'), ms)
}

/** Records are the only files of the store with an extension. */
async function recordsGrowOld(folder: string, ms: number): Promise<void> {
  const names = await readdir(folder, { recursive: true })
  for (const name of names.filter((each) => each.endsWith('.json'))) {
    const file = join(folder, name)
    const record: Record<string, unknown> = { ...Object(JSON.parse(await readFile(file, 'utf8'))) }
    const times = FIELDS.filter((field) => field in record)
    const older = times.map((field) => [field, Number(record[field]) - ms])
    await writeFile(file, JSON.stringify({ ...record, ...Object.fromEntries(older) }))
  }
}
