import type { InferOutput } from 'valibot'
import type { SignedInUser } from '#shared/backend/current-user.ts'
import type { FileRow } from '#shared/db/tables/files.ts'
import { markDeleted } from '#shared/files/remove-file.ts'
import { newFile, reserve, reserveAlone } from '#shared/files/begin-upload.ts'
import { finishUpload } from '#shared/files/finish-upload.ts'
import { wholeUploadKey } from '#shared/files/object-keys.ts'
import { presentFile } from '#shared/files/present-file.ts'
import { claimedBy, takeIn } from '#shared/files/take-in.ts'
import { Fault } from '#shared/errors.ts'
import { type Reply, type Route, route } from '#shared/http/route.ts'
import type { KeepReply } from '#shared/idempotency/idempotency.ts'
import { afterwards } from './afterwards.ts'
import { ownFile } from './own-file.ts'
import { arrivedParts, completeParts, presentParts } from './parts.ts'
import { Completion, NewIntent } from './schemas.ts'
import type { UploadRouteOptions } from './upload-options.ts'

const FORM_LIFE_S = 10 * 60
const PARTS_LIFE_S = 24 * 3_600
/** Taking in a gigabyte takes its time. */
const COMPLETE_MS = 50_000
const TIDY_MS = 5_000
/** Longer than the store's own limit for an answer, so that a silent one is told as such. */
const STORE_MS = 9_000

/** Uploads that go straight to the store: begun here, looked at here, the bytes pass by. */
export function intentRoutes(options: UploadRouteOptions): readonly Route[] {
  const { database, storage, requireUser, idempotency } = options

  return [
    /** POST /uploads {name, sizeBytes, contentType, purpose, resumable?} → 201 a form, or the URLs of parts (Idempotency-Key) */
    route({
      method: 'POST',
      path: '/uploads',
      body: NewIntent,
      timeoutMs: STORE_MS,
      async handle({ request, body, signal }) {
        const { user } = await requireUser(request, signal)
        const call = { callerId: user.id, route: 'POST /uploads', headers: request.headers, body }
        const isKept = request.headers.has('idempotency-key')
        const work = (keep: KeepReply) => begin(body, user, { ...(isKept && { keep }), signal })
        return idempotency.run(call, work, signal)
      },
    }),
    /** GET /uploads/{id} → 200 {id, status, …, parts: [{number, url, etag}], file}: what has arrived */
    route({
      method: 'GET',
      path: '/uploads/{id}',
      timeoutMs: STORE_MS,
      async handle({ request, params, signal }) {
        const { user } = await requireUser(request, signal)
        const row = await ownFile(database, { user, id: params['id'] }, signal)
        if (row.object_key !== null) return { data: { ...upload(row), file: presentFile(row) } }
        if (row.flow !== 'parts' || row.status !== 'uploading')
          return { data: { ...upload(row), file: null } }
        const parts = presentParts(options, row, await arrivedParts(options, row, signal))
        return { data: { ...upload(row), ...parts, file: null } }
      },
    }),
    /** POST /uploads/{id}/complete {parts?} → 200 the file; however often it is called */
    route({
      method: 'POST',
      path: '/uploads/{id}/complete',
      body: Completion,
      bodyOptional: true,
      timeoutMs: COMPLETE_MS,
      async handle({ request, params, body, invocation, signal }) {
        const { user } = await requireUser(request, signal)
        const row = await ownFile(database, { user, id: params['id'] }, signal)
        if (row.flow === 'tus' || row.flow === 'function') throw new Fault('not_found')
        const store = async () => {
          if (row.flow === 'parts') await completeParts(options, { row, given: body.parts }, signal)
          return takeIn(storage, row, signal)
        }
        const file = await finishUpload(options, row, { store, signal })
        invocation.waitUntil(
          afterwards(options, { before: row, file, openid: user.openid }, invocation.signal),
        )
        return { data: presentFile(file) }
      },
    }),
    /** DELETE /uploads/{id} → 200 {}: gives the upload up */
    route({
      method: 'DELETE',
      path: '/uploads/{id}',
      async handle({ request, params, invocation, signal }) {
        const { user } = await requireUser(request, signal)
        const row = await ownFile(database, { user, id: params['id'] }, signal)
        if (!(await markDeleted(options, { row, from: ['uploading'] }, signal)))
          throw new Fault('conflict', { details: [{ reason: 'already_complete' }] })
        invocation.waitUntil(afterwards(options, { before: row, openid: user.openid }, invocation.signal))
        return {}
      },
    }),
  ]

  async function begin(
    body: InferOutput<typeof NewIntent>,
    user: SignedInUser,
    { keep, signal }: { readonly keep?: KeepReply; readonly signal: AbortSignal },
  ): Promise<Reply> {
    const terms = body.resumable
      ? ({ userId: user.id, flow: 'parts', lifeMs: PARTS_LIFE_S * 1_000 } as const)
      : ({ userId: user.id, flow: 'form', lifeMs: FORM_LIFE_S * 1_000 } as const)
    const planned = newFile(options, body, terms)
    const key = wholeUploadKey(planned.id)
    const uploadId = body.resumable
      ? await storage.multipart.create(key, { contentType: planned.content_type }, signal)
      : null
    const row = { ...planned, upload_id: uploadId }
    const data = body.resumable
      ? { ...upload(row), ...presentParts(options, row, []) }
      : { ...upload(row), name: 'file', ...form(row) }
    const reply = { status: 201, data }
    try {
      return await kept(row, reply, { keep, signal })
    } catch (error) {
      const tidying = AbortSignal.timeout(TIDY_MS)
      if (uploadId !== null) await storage.multipart.abort({ key, uploadId }, tidying).catch(() => {}) // a sweep finds it
      throw error
    }
  }

  async function kept(
    row: FileRow,
    reply: Reply,
    { keep, signal }: { readonly keep?: KeepReply | undefined; readonly signal: AbortSignal },
  ): Promise<Reply> {
    if (keep === undefined) {
      await reserveAlone(options, row, signal)
      return reply
    }
    return (await database.sql()).transaction().execute(async (sql) => {
      await reserve(options, { sql, row }, signal)
      return keep(sql, reply)
    })
  }

  function form(row: FileRow) {
    return storage.uploadForm({
      key: wholeUploadKey(row.id),
      minBytes: 1,
      maxBytes: row.size_bytes,
      contentType: claimedBy(row),
      expiresInS: FORM_LIFE_S,
    })
  }
}

function upload(row: FileRow) {
  return {
    id: row.id,
    status: row.status,
    // Why it is in quarantine is for admins.
    reason: row.status === 'refused' ? row.reason : null,
    sizeBytes: row.size_bytes,
    expiresAt: row.expires_at?.toISOString() ?? null,
  }
}
