import type { SignedInUser } from '#shared/backend/current-user.ts'
import type { FileRow } from '#shared/db/tables/files.ts'
import { Fault } from '#shared/errors.ts'
import { newFile, reserveAlone } from '#shared/files/begin-upload.ts'
import { finishUpload } from '#shared/files/finish-upload.ts'
import { newPieceKey } from '#shared/files/object-keys.ts'
import { PURPOSES } from '#shared/files/purposes.ts'
import { markDeleted } from '#shared/files/remove-file.ts'
import { takeIn } from '#shared/files/take-in.ts'
import { MAX_PIECES, uploadPieces } from '#shared/files/upload-pieces.ts'
import { type Call, type Route, route } from '#shared/http/route.ts'
import { afterwards } from './afterwards.ts'
import { arriving } from './arriving.ts'
import { ownFile } from './own-file.ts'
import { TUS_VERSION, tusAnnouncement, tusFault, tusHeaders, wholeNumber } from './tus-headers.ts'
import type { UploadRouteOptions } from './upload-options.ts'

const LIFE_MS = 24 * 3_600_000
/** Time to store what has come and to say so. */
const ANSWER_MS = 5_000
const PIECE_TYPE = 'application/offset+octet-stream'
const MAX_BYTES = Math.max(...Object.values(PURPOSES).map(({ maxBytes }) => maxBytes))

type Handler = (call: Call, user: SignedInUser) => Promise<Response>

/**
 * Resumable uploads for browsers and other clients that can PATCH.
 *
 * @see https://tus.io/protocols/resumable-upload (1.0: core, creation, expiration, termination)
 */
export function tusRoutes(options: UploadRouteOptions): readonly Route[] {
  const { database, storage, requireUser } = options

  /** "The Tus-Resumable header MUST be included in every request and response except for OPTIONS requests." */
  function spoken(handle: Handler): Route['handle'] {
    return async (call) => {
      try {
        const version = call.request.headers.get('tus-resumable')
        // "the Server MUST respond with the 412 Precondition Failed status and MUST include the Tus-Version header"
        if (version !== TUS_VERSION)
          throw new Fault('precondition_failed', { headers: { 'tus-version': TUS_VERSION } })
        const { user } = await requireUser(call.request, call.signal)
        return await handle(call, user)
      } catch (error) {
        throw error instanceof Fault ? tusFault(error) : error
      }
    }
  }

  /** POST /tus, Upload-Length, Upload-Metadata: filename, filetype, purpose → 201 Location */
  async function create({ request, signal }: Call, user: SignedInUser): Promise<Response> {
    const announced = tusAnnouncement(request.headers)
    const planned = newFile(options, announced, { userId: user.id, flow: 'tus', lifeMs: LIFE_MS })
    const row = { ...planned, upload_metadata: request.headers.get('upload-metadata') }
    await reserveAlone(options, row, signal)
    return answer(201, { ...expiry(row), location: `/api/v1/tus/${row.id}` })
  }

  /** HEAD /tus/{id} → 200 Upload-Offset, Upload-Length; makes the file where all has arrived */
  async function tell(call: Call, user: SignedInUser): Promise<Response> {
    const { signal } = call
    const row = await live(call, user)
    const isOn = row.status === 'uploading'
    const offset = isOn ? (await uploadPieces(storage, row.id).progress(signal)).offset : row.size_bytes
    // Whoever took the last piece may have died before it was a file, and a client that is told that all has arrived asks no more.
    if (isOn && offset === row.size_bytes) await finish(row, call, user)
    const sizes = { 'upload-offset': String(offset), 'upload-length': String(row.size_bytes) }
    // "The Server MUST prevent the client and/or proxies from caching the response"
    // "If an upload contains additional metadata, responses to HEAD requests MUST include the Upload-Metadata header and
    // its value as specified by the Client during the creation."
    const metadata = row.upload_metadata === null ? {} : { 'upload-metadata': row.upload_metadata }
    return answer(200, { ...sizes, ...metadata, ...expiry(row), 'cache-control': 'no-store' })
  }

  /** PATCH /tus/{id}, Upload-Offset → 204 Upload-Offset; the last one makes the file */
  async function append(call: Call, user: SignedInUser): Promise<Response> {
    const { request, invocation, signal } = call
    if (request.headers.get('content-type') !== PIECE_TYPE)
      throw new Fault('unsupported_media_type', { details: [{ expected: PIECE_TYPE }] })
    const from = wholeNumber(request.headers, 'upload-offset')
    const row = await live(call, user)
    if (row.status !== 'uploading') throw new Fault('conflict', { details: [{ reason: 'already_complete' }] })
    const { offset, count } = await uploadPieces(storage, row.id).progress(signal)
    // "If the offsets do not match, the Server MUST respond with the 409 Conflict status without modifying the upload resource."
    if (from !== offset) throw new Fault('conflict', { details: [{ reason: 'offset', offset }] })
    if (count >= MAX_PIECES)
      throw new Fault('payload_too_large', { details: [{ reason: 'pieces', maxPieces: MAX_PIECES }] })
    const waitMs = Math.max(0, invocation.deadline - options.clock() - ANSWER_MS)
    const piece = arriving(request.body, { leftBytes: row.size_bytes - offset, waitMs }, signal)
    const { sizeBytes } = await storage.put(
      newPieceKey(row.id, offset),
      piece,
      { contentType: PIECE_TYPE },
      signal,
    )
    const reached = offset + sizeBytes
    if (reached === row.size_bytes) await finish(row, call, user)
    return answer(204, { 'upload-offset': String(reached), ...expiry(row) })
  }

  async function finish(
    row: FileRow,
    { invocation, signal }: Pick<Call, 'invocation' | 'signal'>,
    user: SignedInUser,
  ): Promise<void> {
    const file = await finishUpload(options, row, { store: () => takeIn(storage, row, signal), signal })
    invocation.waitUntil(afterwards(options, { before: row, file, openid: user.openid }, invocation.signal))
  }

  /** DELETE /tus/{id} → 204 */
  async function terminate(call: Call, user: SignedInUser): Promise<Response> {
    const row = await live(call, user)
    if (!(await markDeleted(options, { row, from: ['uploading'] }, call.signal))) throw new Fault('not_found')
    const { invocation } = call
    invocation.waitUntil(afterwards(options, { before: row, openid: user.openid }, invocation.signal))
    return answer(204, {})
  }

  const byMethod: Readonly<Record<string, Handler>> = { PATCH: append, DELETE: terminate, HEAD: tell }

  /** POST /tus/{id}, X-HTTP-Method-Override: for clients that cannot send the method itself */
  function overridden(call: Call, user: SignedInUser): Promise<Response> {
    const handler = byMethod[call.request.headers.get('x-http-method-override') ?? '']
    if (handler === undefined)
      throw new Fault('method_not_allowed', { headers: { allow: 'PATCH, HEAD, DELETE' } })
    return handler(call, user)
  }

  /** An upload by tus that has not run out. */
  async function live(
    { params, signal }: Pick<Call, 'params' | 'signal'>,
    user: SignedInUser,
  ): Promise<FileRow> {
    const row = await ownFile(database, { user, id: params['id'] }, signal)
    const isOver = row.expires_at !== null && row.expires_at.getTime() <= options.clock()
    if (row.flow !== 'tus' || isOver || row.status === 'refused') throw new Fault('not_found')
    return row
  }

  const each = { path: '/tus/{id}', timeoutMs: Infinity } as const
  return [
    /** OPTIONS /tus → 204 what of tus there is */
    route({
      method: 'OPTIONS',
      path: '/tus',
      handle: async () =>
        answer(204, {
          'tus-version': TUS_VERSION,
          'tus-extension': 'creation,expiration,termination',
          'tus-max-size': String(MAX_BYTES),
        }),
    }),
    route({ method: 'POST', path: '/tus', handle: spoken(create) }),
    route({ ...each, method: 'HEAD', handle: spoken(tell) }),
    route({ ...each, method: 'PATCH', handle: spoken(append) }),
    route({ ...each, method: 'DELETE', handle: spoken(terminate) }),
    route({ ...each, method: 'POST', handle: spoken(overridden) }),
  ]
}

/** "The expiration header MUST be included in every PATCH response if the upload is going to expire." */
function expiry({ expires_at: at }: FileRow): Readonly<Record<string, string>> {
  return at === null ? {} : { 'upload-expires': at.toUTCString() }
}

function answer(status: number, headers: Readonly<Record<string, string>>): Response {
  return new Response(null, { status, headers: { ...tusHeaders, ...headers } })
}
