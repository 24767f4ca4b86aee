import { createHash } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { type Expected, receiveFile, type ReceivedFile } from './received-file.ts'

export interface StoredObject extends ReceivedFile {
  readonly key: string
  readonly etag: string
  readonly contentType: string
  readonly modifiedMs: number
}

/** Objects in a folder: the bytes in `data`, what is known of each in `objects`. Everything known is also in memory. */
export interface Objects {
  find(key: string): StoredObject | undefined
  /** In the order of keys. */
  sorted(): readonly StoredObject[]
  receive(body: Readable, expected: Expected): Promise<ReceivedFile>
  /** Makes a received file the object of this key; whoever reads the one before reads on. */
  commit(object: StoredObject): Promise<void>
  discard(received: Pick<ReceivedFile, 'file'>): Promise<void>
  delete(key: string): Promise<void>
  read(file: string, range: { readonly start: number; readonly end: number }): Promise<Readable>
  path(file: string): string
}

export async function openObjects(folder: string): Promise<Objects> {
  const [data, known] = [join(folder, 'data'), join(folder, 'objects')]
  await mkdir(data, { recursive: true })
  await mkdir(known, { recursive: true })
  const objects = await readObjects(known)
  let order: readonly StoredObject[] | undefined

  const path = (file: string) => join(data, file)
  const discard = ({ file }: Pick<ReceivedFile, 'file'>) => rm(path(file), { force: true })
  const recordOf = (key: string) => join(known, `${createHash('sha256').update(key).digest('hex')}.json`)

  async function commit(object: StoredObject): Promise<void> {
    const before = objects.get(object.key)
    const draft = join(known, `${object.file}.tmp`)
    await writeFile(draft, JSON.stringify(object))
    await rename(draft, recordOf(object.key))
    objects.set(object.key, object)
    order = undefined
    if (before !== undefined) await discard(before)
  }

  return {
    find: (key) => objects.get(key),
    sorted: () =>
      (order ??= [...objects.values()].sort((a, b) =>
        Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)),
      )),
    receive: (body, expected) => receiveFile(data, body, expected),
    commit,
    discard,
    async delete(key) {
      const object = objects.get(key)
      if (object === undefined) return
      objects.delete(key)
      order = undefined
      await rm(recordOf(key), { force: true })
      await discard(object)
    },
    async read(file, range) {
      const handle = await open(path(file)) // held open, so that a later write of the key does not disturb it
      return handle.createReadStream(range)
    },
    path,
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
