import { randomUUID } from 'node:crypto'
import { abandonable } from '#shared/deadline.ts'
import { Fault } from '#shared/errors.ts'
import { once } from '#shared/once.ts'
import { addressed, type Bucket } from './addressed.ts'
import { clientGrants } from './client-grants.ts'
import type { Disk } from './disk/disk.ts'
import type { DiskObject } from './disk/objects.ts'
import type { ByteSpan } from './disk/open-bytes.ts'
import { diskBody } from './disk-body.ts'
import { diskFault } from './disk-fault.ts'
import { diskMultipart } from './disk-multipart.ts'
import type {
  Body,
  ByteRange,
  CopyTerms,
  ListedObject,
  ObjectInfo,
  ObjectStore,
  PutOptions,
} from './object-store.ts'
import { requireKey } from './require-key.ts'
import { requireRange } from './require-range.ts'

/** Does something with the folder, and says of what fails there what it means. */
export type OnDisk = <T>(purpose: string, work: (disk: Disk) => Promise<T>, signal: AbortSignal) => Promise<T>

/**
 * A bucket that is a folder of this machine, for as many processes as like. Clients are sent to the server of the local
 * cloud that serves the same folder.
 */
export function diskStore(folder: string, forClients: Bucket): ObjectStore {
  const { clock } = forClients
  const clients = addressed(forClients)
  const opened = once(async () => (await import('./drivers/disk.ts')).openDisk(folder))

  const onDisk: OnDisk = async (purpose, work, signal) => {
    signal.throwIfAborted()
    try {
      return await work(await opened())
    } catch (error) {
      throw diskFault(purpose, error)
    }
  }

  async function put(key: string, body: Body, { contentType }: PutOptions, signal: AbortSignal) {
    const reader = streamOf(body).getReader()
    const write = (disk: Disk) => {
      const note = { key: requireKey(key), contentType, startedMs: clock() }
      return disk.write(note, chunksOf(reader, signal), newEtag)
    }
    try {
      return await onDisk('write an object', write, signal)
    } catch (error) {
      // Whoever feeds the stream learns that nobody reads on; how that ends is theirs.
      reader.cancel(error).catch(() => {})
      throw error
    }
  }

  function copy({ from, to, ifMatch }: CopyTerms, signal: AbortSignal) {
    const work = async (disk: Disk) => {
      const note = (contentType: string) => ({ key: requireKey(to), contentType, startedMs: clock() })
      for (;;) {
        const object = await disk.find(requireKey(from))
        if (object === undefined) return undefined
        if (object.etag !== ifMatch) throw new Fault('conflict')
        if (await disk.copy(object, note(object.contentType))) return { etag: object.etag }
      }
    }
    return onDisk('copy an object', work, signal)
  }

  return {
    async head(key, signal) {
      const object = await onDisk('look at an object', (disk) => disk.find(requireKey(key)), signal)
      return object && infoOf(object)
    },
    async get(key, { range }, signal) {
      requireRange(range)
      const open = (disk: Disk) => disk.open(requireKey(key), (object) => spanOf(object, range))
      const found = await onDisk('read an object', open, signal)
      return found && { info: infoOf(found.object), body: diskBody(found.bytes, signal) }
    },
    put,
    copy,
    delete: (key, signal) => onDisk('delete an object', (disk) => disk.remove(requireKey(key)), signal),
    async list(page, signal) {
      const { objects, isMore } = await onDisk('list objects', (disk) => disk.list(page), signal)
      const items = objects.map(listedObject)
      const last = items.at(-1)
      return { items, ...(isMore && last !== undefined ? { next: last.key } : {}) }
    },
    ...clientGrants(forClients, clients),
    multipart: diskMultipart(onDisk, clients, clock),
  }
}

/** Of no meaning: a hash of the bytes would cost more than writing them. */
function newEtag(): string {
  return randomUUID().replaceAll('-', '')
}

function streamOf(body: Body): ReadableStream<Uint8Array> {
  return body instanceof Uint8Array ? new Blob([body]).stream() : body
}

async function* chunksOf(reader: ReadableStreamDefaultReader<Uint8Array>, signal: AbortSignal) {
  for (;;) {
    const { value } = await abandonable(reader.read(), signal)
    if (value === undefined) return
    yield value
  }
}

/** @throws Fault range_not_satisfiable */
function spanOf({ sizeBytes }: DiskObject, range: ByteRange | undefined): ByteSpan {
  const { first: start, last = sizeBytes - 1 } = range ?? { first: 0 }
  if (range !== undefined && start >= sizeBytes) throw new Fault('range_not_satisfiable')
  return { start, end: Math.min(last, sizeBytes - 1) }
}

function infoOf({ sizeBytes, etag, contentType, modifiedMs }: DiskObject): ObjectInfo {
  return { sizeBytes, etag, contentType, lastModified: new Date(modifiedMs) }
}

function listedObject({ key, sizeBytes, etag, modifiedMs }: DiskObject): ListedObject {
  return { key, sizeBytes, etag, lastModified: new Date(modifiedMs) }
}
