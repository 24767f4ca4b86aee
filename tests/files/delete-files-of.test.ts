import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { KyselyPlugin } from 'kysely'
import type { Dialect } from '#shared/db/database.ts'
import { takeUsage } from '#shared/db/tables/file-usage.ts'
import type { FileRow } from '#shared/db/tables/files.ts'
import { lockUser } from '#shared/db/tables/users.ts'
import { newFile } from '#shared/files/begin-upload.ts'
import { deleteFilesOf } from '#shared/files/delete-files-of.ts'
import { markDeleted } from '#shared/files/remove-file.ts'
import { type Backend, startBackend } from '#tests/backend.ts'
import { describeWith } from '#tests/services/describe-with.ts'

const never = new AbortController().signal
const FILES = 2_000
const BYTES = 1_000_003
/** Two for each 500 files, what finds that there are no more, and one for the room that they took. */
const MOST_STATEMENTS = 10

describe('files that a user takes back on PostgreSQL', () => suite('postgres'))
describeWith(['mariadb'], 'files that a user takes back on MariaDB', () => suite('mysql'))

function suite(dialect: Dialect): void {
  let backend: Backend
  beforeAll(async () => {
    backend = await startBackend({ dialect })
  })
  afterAll(() => backend?.close())

  function fileOf(userId: string, purpose: 'image' | 'video' | 'document', status: FileRow['status']) {
    const announced = {
      name: 'x.jpg',
      contentType: 'image/jpeg',
      purpose: 'image',
      sizeBytes: BYTES,
    } as const
    const row = newFile({ clock: backend.now }, announced, { userId, flow: 'function', lifeMs: 60_000 })
    return { ...row, purpose, status }
  }

  async function keep(userId: string, rows: readonly FileRow[]): Promise<void> {
    const sql = await backend.database.sql()
    const more = { bytes: rows.length * BYTES, files: rows.length }
    await takeUsage({ sql, dialect }, { userId, more, most: { bytes: 1e15, files: 1e6 } }, never)
    for (let from = 0; from < rows.length; from += 500)
      await sql
        .insertInto('files')
        .values(rows.slice(from, from + 500))
        .execute()
  }

  async function stateOf(userId: string) {
    const sql = await backend.database.sql()
    const rows = await sql.selectFrom('files').selectAll().where('user_id', '=', userId).execute()
    const usage = await sql.selectFrom('file_usage').selectAll().where('user_id', '=', userId).execute()
    const gone = rows.filter(({ status }) => status === 'deleted')
    return {
      gone: gone.length,
      names: [...new Set(gone.map(({ name }) => name))],
      kept: rows.filter(({ status }) => status !== 'deleted').map(({ purpose }) => purpose),
      usage: usage.map(({ bytes, files }) => ({ bytes: Number(bytes), files })),
    }
  }

  test('two thousand of them go with ten statements, and others stay', async () => {
    const { id: userId } = (await backend.signIn('alice')).user
    const other = (await backend.signIn('bob')).user
    const images = Array.from({ length: FILES - 1 }, () => fileOf(userId, 'image', 'ready'))
    const rest = [fileOf(userId, 'video', 'uploading'), fileOf(userId, 'document', 'ready')]
    await keep(userId, [...images, ...rest])
    await keep(other.id, [fileOf(other.id, 'image', 'ready')])
    let statements = 0
    const counting: KyselyPlugin = {
      transformQuery({ node }) {
        statements += 1
        return node
      },
      transformResult: async ({ result }) => result,
    }

    const taking = { userId, purposes: ['image', 'video'], now: new Date(backend.now()) } as const
    const sql = await backend.database.sql()
    await sql.transaction().execute(async (own) => {
      await lockUser(own, userId, never)
      await deleteFilesOf(own.withPlugin(counting), taking, never)
    })

    expect(statements).toBeLessThanOrEqual(MOST_STATEMENTS)
    expect(await stateOf(userId)).toEqual({
      gone: FILES,
      names: [''],
      kept: ['document'],
      usage: [{ bytes: BYTES, files: 1 }],
    })
    expect(await stateOf(other.id)).toMatchObject({ gone: 0, usage: [{ bytes: BYTES, files: 1 }] })
  }, 30_000)

  test('files that are deleted one by one meanwhile give their room back once', async () => {
    const { id: userId } = (await backend.signIn('carol')).user
    const rows = Array.from({ length: 20 }, () => fileOf(userId, 'image', 'ready'))
    await keep(userId, rows)
    const sql = await backend.database.sql()
    const taking = { userId, purposes: ['image'], now: new Date(backend.now()) } as const
    const [from, parts] = [['ready'] as const, { database: backend.database, clock: backend.now }]
    const oneByOne = rows.map((row) => markDeleted(parts, { row, from }, never))
    const atOnce = sql.transaction().execute(async (own) => {
      await lockUser(own, userId, never)
      await deleteFilesOf(own, taking, never)
    })

    await Promise.all([...oneByOne, atOnce])

    expect(await stateOf(userId)).toMatchObject({ gone: 20, usage: [{ bytes: 0, files: 0 }] })
  })
}
