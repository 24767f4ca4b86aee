import { createHash, randomUUID } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { type Expected, receiveFile, type ReceivedFile } from './received-file.ts'
import { turns } from './turns.ts'

/** Its bytes are those of its files, one after another: an upload in parts is not copied when it completes. */
export interface StoredObject {
  readonly key: string
  readonly files: readonly ReceivedFile[]
  readonly etag: string
  readonly contentType: string
  readonly modifiedMs: number
}

export interface ByteSpan {
  readonly start: number
  readonly end: number
}

export function sizeOf({ files }: Pick<StoredObject, 'files'>): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

/** Objects in a folder: the bytes in `data`, what is known of each in `objects`. Everything known is also in memory. */
export interface Objects {
  find(key: string): StoredObject | undefined
  /** In the order of keys. */
  sorted(): readonly StoredObject[]
  receive(body: Readable, expected: Expected): Promise<ReceivedFile>
  /** Makes a received file the object of this key; whoever reads the one before reads on. */
  commit(object: StoredObject): Promise<void>
  /** A file of the same bytes. */
  duplicate(received: ReceivedFile): Promise<ReceivedFile>
  discard(received: ReceivedFile): Promise<void>
  delete(key: string): Promise<void>
  /** Deletes files that a sudden end left behind: those of no object that are not among `kept`. */
  sweep(kept: readonly ReceivedFile[]): Promise<void>
  /** Bytes of an object, both ends included; undisturbed by a later write of its key. */
  read(object: StoredObject, range: ByteSpan): Promise<Readable>
}

export async function openObjects(folder: string): Promise<Objects> {
  const [data, known] = [join(folder, 'data'), join(folder, 'objects')]
  await mkdir(data, { recursive: true })
  await mkdir(known, { recursive: true })
  const objects = await readObjects(known)
  const inTurn = turns()
  let order: readonly StoredObject[] | undefined

  const path = (file: string) => join(data, file)
  const discard = ({ file }: ReceivedFile) => rm(path(file), { force: true })
  const recordOf = (key: string) => join(known, `${createHash('sha256').update(key).digest('hex')}.json`)

  async function commit(object: StoredObject): Promise<void> {
    const before = objects.get(object.key)
    const draft = join(known, `${randomUUID()}.tmp`)
    await writeFile(draft, JSON.stringify(object))
    await rename(draft, recordOf(object.key))
    objects.set(object.key, object)
    order = undefined
    await Promise.all((before?.files ?? []).map(discard))
  }

  async function remove(key: string): Promise<void> {
    const object = objects.get(key)
    if (object === undefined) return
    objects.delete(key)
    order = undefined
    await rm(recordOf(key), { force: true })
    await Promise.all(object.files.map(discard))
  }

  return {
    find: (key) => objects.get(key),
    sorted: () =>
      (order ??= [...objects.values()].sort((a, b) =>
        Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)),
      )),
    receive: (body, expected) => receiveFile(data, body, expected),
    commit: (object) => inTurn(() => commit(object)),
    async duplicate(received) {
      const file = randomUUID()
      await link(path(received.file), path(file))
      return { ...received, file }
    },
    discard,
    delete: (key) => inTurn(() => remove(key)),
    async sweep(kept) {
      const inUse = new Set(
        [...[...objects.values()].flatMap(({ files }) => files), ...kept].map(({ file }) => file),
      )
      const left = (await readdir(data)).filter((file) => !inUse.has(file))
      await Promise.all(left.map((file) => rm(path(file), { force: true })))
    },
    read: (object, span) => readFiles(spansOf(object, span), path),
  }
}

async function readObjects(known: string): Promise<Map<string, StoredObject>> {
  const objects = new Map<string, StoredObject>()
  for (const name of await readdir(known)) {
    if (!name.endsWith('.json')) continue
    const object = JSON.parse(await readFile(join(known, name), 'utf8')) as StoredObject // written by commit
    objects.set(object.key, object)
  }
  return objects
}

interface FileSpan extends ByteSpan {
  readonly file: string
}

/** The parts of the object's files that a span of it covers. */
function spansOf({ files }: StoredObject, { start, end }: ByteSpan): readonly FileSpan[] {
  let at = 0
  return files.flatMap(({ file, sizeBytes }) => {
    const span = { file, start: Math.max(0, start - at), end: Math.min(sizeBytes - 1, end - at) }
    at += sizeBytes
    return span.start <= span.end ? [span] : []
  })
}

/** Opens every file at once, so that deleting one does not disturb the reading. */
async function readFiles(spans: readonly FileSpan[], path: (file: string) => string): Promise<Readable> {
  const streams: Readable[] = []
  for (const { file, start, end } of spans) {
    const handle = await open(path(file))
    streams.push(handle.createReadStream({ start, end, highWaterMark: READ_BYTES }))
  }
  const [only] = streams
  return only !== undefined && streams.length === 1
    ? only
    : Readable.from(oneByOne(streams), { objectMode: false })
}

const READ_BYTES = 256 * 1024

async function* oneByOne(streams: readonly Readable[]): AsyncGenerator<Buffer> {
  try {
    for (const stream of streams) yield* stream
  } finally {
    for (const stream of streams) stream.destroy()
  }
}
