import type { InferOutput } from 'valibot'
import type { SignedInUser } from '#shared/backend/current-user.ts'
import { deleteFile, type FileRow, moveFile } from '#shared/db/tables/files.ts'
import { newFile, release, reserveAlone } from '#shared/files/begin-upload.ts'
import { settle } from '#shared/files/finish-upload.ts'
import { newFileKey } from '#shared/files/object-keys.ts'
import { presentFile } from '#shared/files/present-file.ts'
import { PURPOSES } from '#shared/files/purposes.ts'
import { storeInspected } from '#shared/files/store-inspected.ts'
import { claimedBy } from '#shared/files/take-in.ts'
import { Fault } from '#shared/errors.ts'
import type { Platform } from '#shared/http/app.ts'
import { type Call, type Reply, route } from '#shared/http/route.ts'
import { afterwards } from './afterwards.ts'
import { formFile } from '#shared/http/form-file.ts'
import { DirectUpload } from './schemas.ts'
import type { UploadRouteOptions } from './upload-options.ts'

const MB = 1024 * 1024
/** What the platforms let through, less room for the form around the file. @see https://cloud.tencent.com/document/product/583/11637 */
const PLATFORM_BYTES: Readonly<Record<Platform, number>> = {
  scf: 6 * MB - 64 * 1024,
  fc: 32 * MB - 64 * 1024,
  local: Infinity,
}
/** Longer than any platform lets a call run. */
const LIFE_MS = 15 * 60_000
/** The client waits for it; what is left then, a sweep finds. */
const TIDY_MS = 2_000
/** Time to tell a client that it was too slow. */
const ANSWER_MS = 1_000

/** POST /upload?purpose= multipart/form-data with the field `file` → 201 the file */
export function receiveFile(options: UploadRouteOptions) {
  const { database, storage, clock, requireUser } = options

  async function handle({
    request,
    query: { purpose },
    invocation,
    signal,
  }: Call<unknown, InferOutput<typeof DirectUpload>>): Promise<Reply> {
    const { user } = await requireUser(request, signal)
    const maxBytes = Math.min(PURPOSES[purpose].maxBytes, PLATFORM_BYTES[invocation.platform])
    const waitMs = Math.max(0, invocation.deadline - clock() - ANSWER_MS)
    const { body, ...claim } = await formFile(request, { maxBytes, waitMs }, signal)
    try {
      const row = await reserved({ ...claim, purpose, sizeBytes: mostBytes(request, maxBytes) }, user, signal)
      const file = await stored(row, body, signal)
      const done = { before: row, file, openid: user.openid }
      invocation.waitUntil(afterwards(options, done, invocation.signal))
      return { status: 201, data: presentFile(file) }
    } finally {
      body.cancel().catch(() => {}) // read to its end, or of no use any more
    }
  }

  async function reserved(
    announced: Parameters<typeof newFile>[1],
    user: SignedInUser,
    signal: AbortSignal,
  ): Promise<FileRow> {
    const row = newFile(options, announced, { userId: user.id, flow: 'function', lifeMs: LIFE_MS })
    await reserveAlone(options, row, signal)
    return row
  }

  async function stored(
    row: FileRow,
    body: ReadableStream<Uint8Array>,
    signal: AbortSignal,
  ): Promise<FileRow> {
    const type = claimedBy(row)
    const key = newFileKey(row, type)
    try {
      const object = await storeInspected(storage, { key, type, body }, signal)
      const file = await settle(options, row, { stored: object, signal })
      if (file === undefined) throw new Fault('token_revoked') // the account was deleted in the meantime
      return file
    } catch (error) {
      await forget(row).catch(() => {}) // a sweep finds it
      throw error
    }
  }

  async function forget(row: FileRow): Promise<void> {
    const signal = AbortSignal.timeout(TIDY_MS)
    await (await database.sql()).transaction().execute(async (sql) => {
      // Whoever else ended it, with the account for one, has given its room back.
      const to = { status: 'deleted' } as const
      if (!(await moveFile(sql, { id: row.id, from: ['uploading'], to }, signal))) return
      await deleteFile(sql, row.id, signal)
      await release(sql, row, signal)
    })
  }

  return route({ method: 'POST', path: '/upload', query: DirectUpload, timeoutMs: Infinity, handle })
}

/** The room to keep for a file of which only the form's size is known. */
function mostBytes({ headers }: Request, maxBytes: number): number {
  const given = headers.get('content-length')
  return given === null ? maxBytes : Math.min(Number(given), maxBytes)
}
