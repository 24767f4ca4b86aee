import type { Backend } from '#tests/backend.ts'

/** All that there is of files: objects, uploads in parts, rows, and what users are said to have. */
export interface Kept {
  readonly objects: readonly string[]
  readonly uploads: readonly string[]
  readonly files: readonly unknown[]
  readonly usage: readonly unknown[]
}

export async function kept(backend: Backend, storage = backend.storage): Promise<Kept> {
  const signal = AbortSignal.timeout(5_000)
  const sql = await backend.database.sql()
  const [{ items }, uploads, files, usage] = await Promise.all([
    storage.list({ prefix: '', limit: 1_000 }, signal),
    storage.multipart.list({ prefix: '', limit: 1_000 }, signal),
    sql.selectFrom('files').select(['id', 'status', 'size_bytes']).orderBy('id').execute({ signal }),
    sql.selectFrom('file_usage').selectAll().orderBy('user_id').execute({ signal }),
  ])
  return { objects: items.map(keyOf), uploads: uploads.map(keyOf), files, usage }
}

const keyOf = ({ key }: { readonly key: string }) => key
