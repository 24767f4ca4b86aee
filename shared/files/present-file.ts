import type { FileRow } from '#shared/db/tables/files.ts'

/** A file as its owner sees it. */
export interface PublicFile {
  readonly id: string
  readonly name: string
  readonly purpose: string
  readonly contentType: string
  readonly sizeBytes: number
  /** In hex; null where the bytes went straight to the store. */
  readonly sha256: string | null
  readonly status: FileRow['status']
  readonly url: string
  readonly createdAt: string
}

export function presentFile(row: FileRow): PublicFile {
  return {
    id: row.id,
    name: row.name,
    purpose: row.purpose,
    contentType: row.content_type,
    sizeBytes: row.size_bytes,
    sha256: row.sha256,
    status: row.status,
    url: `/api/v1/files/${row.id}`,
    createdAt: row.created_at.toISOString(),
  }
}

/** What an admin sees besides. */
export function presentFileToAdmin(row: FileRow) {
  return { ...presentFile(row), userId: row.user_id, reason: row.reason }
}
