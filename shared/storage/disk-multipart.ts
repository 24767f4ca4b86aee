import type { Clock } from '#shared/clock.ts'
import { Fault } from '#shared/errors.ts'
import type { Addressed } from './addressed.ts'
import type { Disk } from './disk/disk.ts'
import type { Draft } from './disk/drafts.ts'
import type { OnDisk } from './disk-store.ts'
import { unquoted } from './header-info.ts'
import { presignedPart } from './multipart-uploads.ts'
import { type MultipartUploads, PART_BYTES, type Upload } from './object-store.ts'
import { requireKey } from './require-key.ts'
import { refusalFault, StoreError } from './store-error.ts'

/** Uploads in parts, in the folder where the server that clients send them to puts them. */
export function diskMultipart(onDisk: OnDisk, clients: Addressed, clock: Clock): MultipartUploads {
  return {
    async create(key, { contentType }, signal) {
      const create = ({ drafts }: Disk) =>
        drafts.create({ key: requireKey(key), contentType, startedMs: clock() })
      return (await onDisk('begin an upload', create, signal)).id
    },

    presignPart: (part) => presignedPart(clients, part),

    parts(upload, signal) {
      const work = async (disk: Disk) => {
        const parts = await disk.uploads.parts(await required(disk, upload))
        return parts.map(({ number, sizeBytes, md5 }) => ({ number, sizeBytes, etag: md5 }))
      }
      return onDisk('list parts', work, signal)
    },

    complete({ parts: named, ...upload }, signal) {
      const parts = named.map(({ number, etag }) => ({ number, etag: unquoted(etag) }))
      const work = async (disk: Disk) => {
        const terms = { parts, minPartBytes: PART_BYTES, nowMs: clock() }
        const done = await disk.uploads.complete(await required(disk, upload), terms)
        if (typeof done === 'object') return done
        const status = done === 'NoSuchUpload' ? 404 : 400
        throw refusalFault(new StoreError('complete an upload', done, status))
      }
      return onDisk('complete an upload', work, signal)
    },

    async abort({ key, uploadId }, signal) {
      const work = async ({ drafts }: Disk) => {
        const draft = await drafts.find(uploadId, key)
        if (draft !== undefined) await drafts.discard(draft.folder)
      }
      await onDisk('abort an upload', work, signal)
    },

    async list({ prefix, limit }, signal) {
      const drafts = await onDisk('list uploads', (disk) => disk.drafts.all(prefix), signal)
      return drafts
        .slice(0, limit)
        .map(({ key, id, startedMs }) => ({ key, uploadId: id, startedAt: new Date(startedMs) }))
    },
  }
}

/** @throws Fault not_found */
async function required({ drafts }: Disk, { key, uploadId }: Upload): Promise<Draft> {
  const draft = await drafts.find(uploadId, key)
  if (draft === undefined) throw new Fault('not_found')
  return draft
}
