import * as v from 'valibot'
import { publicFileFields } from '#shared/files/public-file-schema.ts'
import type { RouteDescriptions } from '#shared/http/describe.ts'

const time = v.pipe(v.string(), v.isoTimestamp())
const nothing = v.object({})
const empty = v.null()

const file = v.object(publicFileFields)
const reviewed = v.object({ ...publicFileFields, userId: v.string(), reason: v.nullable(v.string()) })

const uploadFields = {
  id: v.string(),
  status: v.picklist(['uploading', 'refused', 'pending', 'ready', 'quarantined']),
  reason: v.nullable(v.string()),
  sizeBytes: v.number(),
  expiresAt: v.nullable(time),
}
const partFields = {
  partSizeBytes: v.number(),
  partContentType: v.string(),
  parts: v.array(v.object({ number: v.number(), url: v.string(), etag: v.nullable(v.string()) })),
}
const begun = v.union([
  v.object({
    ...uploadFields,
    name: v.literal('file'),
    url: v.string(),
    fields: v.record(v.string(), v.string()),
  }),
  v.object({ ...uploadFields, ...partFields }),
])

const NOT_TAKEN = ['unsupported_media_type', 'payload_too_large', 'quota_exceeded'] as const
const TUS = ['precondition_failed', 'validation_failed', 'not_found'] as const

export const descriptions: RouteDescriptions = {
  'POST /uploads': {
    summary: 'Begin an upload that goes straight to the store: a form, or parts that can be resumed',
    auth: 'session',
    idempotent: true,
    answers: { 201: begun },
    errors: [...NOT_TAKEN, 'conflict', 'idempotency_mismatch'],
  },
  'GET /uploads/{id}': {
    summary: 'What of an upload has arrived, and fresh URLs for its parts',
    auth: 'session',
    answers: {
      200: v.object({ ...uploadFields, ...v.partial(v.object(partFields)).entries, file: v.nullable(file) }),
    },
    errors: ['not_found'],
  },
  'POST /uploads/{id}/complete': {
    summary: 'Have an upload looked at and made a file; may be repeated',
    auth: 'session',
    answers: { 200: file },
    errors: [...NOT_TAKEN, 'not_found', 'conflict'],
  },
  'DELETE /uploads/{id}': {
    summary: 'Give an upload up',
    auth: 'session',
    answers: { 200: nothing },
    errors: ['not_found', 'conflict'],
  },
  'POST /upload': {
    summary: 'Upload a small file through the function, as multipart/form-data with the field "file"',
    auth: 'session',
    answers: { 201: file },
    errors: ['bad_request', ...NOT_TAKEN],
  },
  'GET /files': {
    summary: "The caller's files, newest first; everybody's for an admin with scope=all",
    auth: 'session',
    answers: {
      200: v.object({ items: v.array(v.union([file, reviewed])), nextCursor: v.nullable(v.string()) }),
    },
    errors: ['forbidden'],
  },
  'GET /files/{id}': {
    summary: 'The contents of a file: ranges and conditions by RFC 9110, or a redirect to the bucket',
    auth: 'session',
    answers: { 200: empty, 206: empty, 302: empty, 304: empty },
    errors: ['not_found', 'forbidden', 'conflict', 'precondition_failed', 'range_not_satisfiable'],
  },
  'GET /files/{id}/link': {
    summary: 'A URL for a few minutes that shows the file without a token',
    auth: 'session',
    answers: { 200: v.object({ url: v.string(), expiresAt: time }) },
    errors: ['not_found', 'forbidden', 'conflict'],
  },
  'PUT /files/{id}': {
    summary: 'Release a file or put it into quarantine',
    auth: 'admin',
    answers: { 200: reviewed },
    errors: ['not_found'],
  },
  'DELETE /files/{id}': {
    summary: 'Delete a file',
    auth: 'session',
    answers: { 200: nothing },
    errors: ['not_found'],
  },
  'OPTIONS /tus': { summary: 'What of tus 1.0 there is', auth: 'none', answers: { 204: empty } },
  'POST /tus': {
    summary: 'Begin an upload by tus 1.0, with filename, filetype and purpose in Upload-Metadata',
    auth: 'session',
    answers: { 201: empty },
    errors: [...TUS, ...NOT_TAKEN],
  },
  'HEAD /tus/{id}': {
    summary: 'How much of an upload has arrived',
    auth: 'session',
    answers: { 200: empty },
    errors: TUS,
  },
  'PATCH /tus/{id}': {
    summary: 'Send the next bytes of an upload; the last ones make the file',
    auth: 'session',
    answers: { 204: empty },
    errors: [...TUS, ...NOT_TAKEN, 'conflict'],
  },
  'DELETE /tus/{id}': {
    summary: 'Give an upload up',
    auth: 'session',
    answers: { 204: empty },
    errors: TUS,
  },
  'POST /tus/{id}': {
    summary: 'PATCH, HEAD or DELETE by X-HTTP-Method-Override, for clients that cannot send them',
    auth: 'session',
    answers: { 204: empty },
    errors: [...TUS, ...NOT_TAKEN, 'conflict', 'method_not_allowed'],
  },
}
