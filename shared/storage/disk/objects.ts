import { randomUUID } from 'node:crypto'
import { access, mkdir, readFile, rename, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Drafts } from './drafts.ts'
import { keyPath } from './key-path.ts'
import { foldersIn, isMissing, unlessMissing } from './missing.ts'
import { type KeyRange, walkKeys } from './walk-keys.ts'

/** A file of an object, in its folder. */
export interface DiskFile {
  readonly name: string
  readonly sizeBytes: number
}

/** Its bytes are those of its files, one after another: an upload in parts is not copied when it completes. */
export interface ObjectRecord {
  readonly key: string
  readonly etag: string
  readonly contentType: string
  readonly modifiedMs: number
  readonly files: readonly DiskFile[]
}

export interface DiskObject extends ObjectRecord {
  readonly sizeBytes: number
  readonly folder: string
}

/**
 * Objects as folders: `objects/<key>/<version>/` holds the files and the record of one, and moves there whole. Of several
 * versions the last one counts, and the others are on their way out: no process needs to lock a key or to know what
 * another has read.
 */
export interface DiskObjects {
  find(key: string): Promise<DiskObject | undefined>
  /** Makes a draft the object of its key, and says where it is now; undefined when somebody else has ended the draft. */
  publish(draft: string, record: ObjectRecord): Promise<string | undefined>
  remove(key: string): Promise<void>
  /** In their order. A key whose object was just deleted may be among them. */
  keys(range: KeyRange): AsyncGenerator<string>
}

/** More than replacements that can come between two looks at a folder. */
const MAX_LOOKS = 1_000

export function diskObjects(root: string, drafts: Drafts): DiskObjects {
  const top = join(root, 'objects')
  const homeOf = (key: string) => join(top, keyPath(key))
  const versionsOf = async (home: string) => (await foldersIn(home)).toSorted()

  async function publish(draft: string, record: ObjectRecord): Promise<string | undefined> {
    const home = homeOf(record.key)
    const version = nextVersion(await versionsOf(home))
    const folder = join(home, version)
    const written = await unlessMissing(
      writeFile(join(draft, recordIn(version)), JSON.stringify(record)).then(() => true),
    )
    if (written === undefined || !(await moved(draft, folder))) return undefined
    const outdated = (await versionsOf(home)).slice(0, -1)
    await Promise.all(outdated.map((one) => drafts.discard(join(home, one))))
    return folder
  }

  async function find(key: string): Promise<DiskObject | undefined> {
    const home = homeOf(key)
    for (let look = 0; look < MAX_LOOKS; look += 1) {
      const version = (await versionsOf(home)).at(-1)
      if (version === undefined) return undefined
      const folder = join(home, version)
      const text = await unlessMissing(readFile(join(folder, recordIn(version)), 'utf8'))
      if (text === undefined) continue // replaced or deleted in between
      const record = JSON.parse(text) as ObjectRecord // written by publish
      return { ...record, folder, sizeBytes: sizeOf(record) }
    }
    throw new Error(`Cannot read the record of the object in ${home}`)
  }

  async function remove(key: string): Promise<void> {
    const home = homeOf(key)
    const versions = await versionsOf(home)
    await Promise.all(versions.map((version) => drafts.discard(join(home, version))))
    for (let folder = home; folder !== top; folder = dirname(folder)) if (!(await isRemoved(folder))) return
  }

  return { find, publish, remove, keys: (range) => walkKeys(top, range) }
}

const VERSION_DIGITS = 12

/** One after those that are there. Two writers at once may both be next; then the rest of the name decides. */
function nextVersion(versions: readonly string[]): string {
  const last = Number(versions.at(-1)?.slice(0, VERSION_DIGITS) ?? 0)
  return `${String(last + 1).padStart(VERSION_DIGITS, '0')}-${randomUUID()}`
}

function recordIn(version: string): string {
  return `${version}.json`
}

export function sizeOf({ files }: ObjectRecord): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

/** Moves a folder to where no other is; false when it is not there any more. */
async function moved(from: string, to: string): Promise<boolean> {
  for (;;) {
    try {
      await mkdir(dirname(to), { recursive: true })
      await rename(from, to)
      return true
    } catch (error) {
      if (!isMissing(error)) throw error
      if ((await unlessMissing(access(from).then(() => true))) === undefined) return false
      // Whoever deleted the object before took its folder along: once more.
    }
  }
}

/** Whether an empty folder is gone. */
async function isRemoved(folder: string): Promise<boolean> {
  try {
    await rmdir(folder)
    return true
  } catch (error) {
    return isMissing(error)
  }
}
