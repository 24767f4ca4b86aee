import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Objects, StoredObject } from './objects.ts'
import type { ReceivedFile } from './received-file.ts'
import { Refusal } from './refusal.ts'
import { turns } from './turns.ts'

export interface StartedUpload {
  readonly uploadId: string
  readonly key: string
  readonly contentType: string
  readonly startedMs: number
  /** By number. */
  readonly parts: Readonly<Record<string, ReceivedFile>>
}

export interface NamedPart {
  readonly number: number
  readonly etag: string
}

/** Uploads under way, kept in `uploads` of the folder, so that a restart does not end them. */
export interface Uploads {
  create(key: string, contentType: string, nowMs: number): Promise<StartedUpload>
  /** @throws Refusal NoSuchUpload */
  require(key: string, uploadId: string): StartedUpload
  /** A part sent again replaces the one before. */
  addPart(upload: StartedUpload, number: number, part: ReceivedFile): Promise<void>
  complete(upload: StartedUpload, parts: readonly NamedPart[], terms: CompletionTerms): Promise<StoredObject>
  abort(upload: StartedUpload): Promise<void>
  list(): readonly StartedUpload[]
}

export interface CompletionTerms {
  readonly minPartBytes: number
  readonly nowMs: number
}

export async function openUploads(folder: string, objects: Objects): Promise<Uploads> {
  const known = join(folder, 'uploads')
  await mkdir(known, { recursive: true })
  const uploads = await readUploads(known)
  const inTurn = turns()
  const recordOf = ({ uploadId }: StartedUpload) => join(known, `${uploadId}.json`)

  async function save(upload: StartedUpload): Promise<StartedUpload> {
    uploads.set(upload.uploadId, upload)
    await inTurn(async () => {
      const draft = join(known, `${randomUUID()}.tmp`)
      await writeFile(draft, JSON.stringify(upload))
      await rename(draft, recordOf(upload))
    })
    return upload
  }

  function require(key: string, uploadId: string): StartedUpload {
    const upload = uploads.get(uploadId)
    if (upload === undefined || upload.key !== key) throw new Refusal('NoSuchUpload')
    return upload
  }

  async function end(upload: StartedUpload, kept: readonly ReceivedFile[] = []): Promise<void> {
    uploads.delete(upload.uploadId)
    await inTurn(() => rm(recordOf(upload), { force: true }))
    const dropped = Object.values(upload.parts).filter((part) => !kept.includes(part))
    await Promise.all(dropped.map((part) => objects.discard(part)))
  }

  return {
    create: (key, contentType, nowMs) =>
      save({ uploadId: randomUUID(), key, contentType, startedMs: nowMs, parts: {} }),
    require,

    async addPart({ key, uploadId }, number, part) {
      const upload = uploads.get(uploadId)
      if (upload === undefined) {
        await objects.discard(part) // aborted or completed while the part came in
        throw new Refusal('NoSuchUpload')
      }
      const before = upload.parts[number]
      await save({ ...upload, key, parts: { ...upload.parts, [number]: part } })
      if (before !== undefined) await objects.discard(before)
    },

    async complete(upload, named, { minPartBytes, nowMs }) {
      const chosen = chosenParts(upload, named, minPartBytes)
      uploads.delete(upload.uploadId) // of two completions at once the second finds no upload
      const etag = `${md5OfAll(chosen)}-${chosen.length}`
      const { key, contentType } = upload
      const object = { files: chosen, key, contentType, etag, modifiedMs: nowMs }
      await objects.commit(object)
      await end(upload, chosen)
      return object
    },

    abort: (upload) => end(upload),
    list: () => [...uploads.values()].sort((a, b) => (a.key < b.key ? -1 : 1)),
  }
}

function chosenParts(
  { parts }: StartedUpload,
  named: readonly NamedPart[],
  minPartBytes: number,
): readonly ReceivedFile[] {
  if (named.length === 0) throw new Refusal('MalformedXML')
  if (named.some(({ number }, at) => number <= (named[at - 1]?.number ?? 0)))
    throw new Refusal('InvalidPartOrder')
  const chosen = named.map(({ number, etag }) => {
    const part = parts[number]
    if (part === undefined || part.md5 !== etag) throw new Refusal('InvalidPart')
    return part
  })
  if (chosen.slice(0, -1).some(({ sizeBytes }) => sizeBytes < minPartBytes))
    throw new Refusal('EntityTooSmall')
  return chosen
}

function md5OfAll(parts: readonly ReceivedFile[]): string {
  return createHash('md5')
    .update(Buffer.concat(parts.map(({ md5 }) => Buffer.from(md5, 'hex'))))
    .digest('hex')
}

async function readUploads(known: string): Promise<Map<string, StartedUpload>> {
  const uploads = new Map<string, StartedUpload>()
  for (const name of await readdir(known)) {
    if (!name.endsWith('.json')) continue
    const upload = JSON.parse(await readFile(join(known, name), 'utf8')) as StartedUpload // written by save
    uploads.set(upload.uploadId, upload)
  }
  return uploads
}
