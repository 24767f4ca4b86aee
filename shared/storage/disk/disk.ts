import { link } from 'node:fs/promises'
import { join } from 'node:path'
import { type DraftNote, type Drafts, diskDrafts } from './drafts.ts'
import { unlessMissing } from './missing.ts'
import { type DiskObject, type DiskObjects, diskObjects, type ObjectRecord, sizeOf } from './objects.ts'
import { type ByteSpan, type OpenBytes, openBytes } from './open-bytes.ts'
import { type DiskUploads, diskUploads } from './uploads.ts'
import type { KeyRange } from './walk-keys.ts'
import { writeFileOf } from './write-file.ts'

/** Objects and uploads in a folder, which several processes may use at once. Nothing about them is kept in memory. */
export interface Disk extends Pick<DiskObjects, 'find' | 'remove'> {
  readonly drafts: Drafts
  readonly uploads: DiskUploads
  /** Begins to read an object or a span of it, undefined where there is none. `spanOf` may refuse by throwing. */
  open(key: string, spanOf: SpanOf): Promise<OpenObject | undefined>
  /** Stores what the chunks give; nothing when they fail. */
  write(note: DraftNote, chunks: AsyncIterable<Uint8Array>, etagOf: () => string): Promise<Written>
  /** Objects in the order of their keys. */
  list(range: KeyRange & { readonly limit: number }): Promise<DiskPage>
  /** A second object of the same bytes; false when the first is gone. */
  copy(object: DiskObject, note: DraftNote): Promise<boolean>
}

export type SpanOf = (object: DiskObject) => ByteSpan

export interface OpenObject {
  readonly object: DiskObject
  readonly bytes: OpenBytes
}

export interface DiskPage {
  readonly objects: readonly DiskObject[]
  readonly isMore: boolean
}

export interface Written {
  readonly etag: string
  readonly sizeBytes: number
}

const BODY = 'body'

export function openDisk(root: string): Disk {
  const drafts = diskDrafts(root)
  const objects = diskObjects(root, drafts)

  async function open(key: string, spanOf: SpanOf): Promise<OpenObject | undefined> {
    for (let object = await objects.find(key); object !== undefined; object = await objects.find(key)) {
      const bytes = await openBytes(object, spanOf(object))
      if (bytes !== undefined) return { object, bytes }
    }
    return undefined
  }

  /** Fills a draft and makes it the object of its key. Undefined when `fill` is, or when the draft was aborted. */
  async function publishNew(
    { key, contentType, startedMs }: DraftNote,
    fill: (folder: string) => Promise<Pick<ObjectRecord, 'etag' | 'files'> | undefined>,
  ): Promise<ObjectRecord | undefined> {
    const { folder } = await drafts.create({ key, contentType, startedMs })
    try {
      const filled = await fill(folder)
      const record = filled && { key, contentType, modifiedMs: startedMs, ...filled }
      if (record !== undefined && (await objects.publish(folder, record)) !== undefined) return record
    } catch (error) {
      await drafts.discard(folder)
      throw error
    }
    await drafts.discard(folder)
    return undefined
  }

  async function write(note: DraftNote, chunks: AsyncIterable<Uint8Array>, etagOf: () => string) {
    const record = await publishNew(note, async (folder) => {
      const sizeBytes = await writeFileOf(join(folder, BODY), chunks)
      return { etag: etagOf(), files: [{ name: BODY, sizeBytes }] }
    })
    if (record === undefined) throw new Error('The object was aborted while it was written')
    return { etag: record.etag, sizeBytes: sizeOf(record) }
  }

  async function copy({ folder: from, etag, files }: DiskObject, note: DraftNote): Promise<boolean> {
    const record = await publishNew(note, (folder) => {
      const links = files.map(({ name }) => link(join(from, name), join(folder, name)))
      return unlessMissing(Promise.all(links).then(() => ({ etag, files })))
    })
    return record !== undefined
  }

  async function list({ limit, ...range }: KeyRange & { readonly limit: number }): Promise<DiskPage> {
    const found: DiskObject[] = []
    for await (const key of objects.keys(range)) {
      const object = await objects.find(key)
      if (object === undefined) continue // deleted in between
      if (found.length === limit) return { objects: found, isMore: true }
      found.push(object)
    }
    return { objects: found, isMore: false }
  }

  const uploads = diskUploads(objects, drafts)
  return { ...objects, drafts, uploads, open, write, list, copy }
}
