import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isUuid } from '#shared/ids.ts'
import { foldersIn, unlessMissing } from './missing.ts'

/** What a draft is for, as its file `upload.json` says. */
export interface DraftNote {
  readonly key: string
  readonly contentType: string
  readonly startedMs: number
}

export interface Draft extends DraftNote {
  readonly id: string
  readonly folder: string
}

/**
 * Folders in `uploads` of what is on its way in or out: an upload in parts, an object being written, one being deleted.
 * Whatever a process that died leaves behind is among them.
 */
export interface Drafts {
  create(note: DraftNote): Promise<Draft>
  find(id: string, key: string): Promise<Draft | undefined>
  /** By key. */
  all(prefix: string): Promise<readonly Draft[]>
  /** Takes a folder out of use at once and deletes it; fine where it is gone. */
  discard(folder: string): Promise<void>
}

export const NOTE = 'upload.json'

export function diskDrafts(root: string): Drafts {
  const top = join(root, 'uploads')

  async function create(note: DraftNote): Promise<Draft> {
    const id = randomUUID()
    const folder = join(top, id)
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, NOTE), JSON.stringify(note))
    return { ...note, id, folder }
  }

  async function read(id: string): Promise<Draft | undefined> {
    if (!isUuid(id)) return undefined
    const folder = join(top, id)
    const text = await unlessMissing(readFile(join(folder, NOTE), 'utf8'))
    const note = text === undefined ? undefined : readNote(text)
    return note && { ...note, id, folder }
  }

  async function discard(folder: string): Promise<void> {
    const gone = join(top, randomUUID())
    const isOurs = await unlessMissing(rename(folder, gone).then(() => true))
    if (isOurs === undefined) return
    // The note goes last: a process that dies in between leaves a draft that can be found.
    const names = (await readdir(gone)).filter((name) => name !== NOTE)
    await Promise.all(names.map((name) => rm(join(gone, name))))
    await rm(gone, { recursive: true })
  }

  return {
    create,
    async find(id, key) {
      const draft = await read(id)
      return draft?.key === key ? draft : undefined
    },
    async all(prefix) {
      const found = await Promise.all((await foldersIn(top)).map(read))
      return found
        .filter((draft) => draft !== undefined)
        .filter(({ key }) => key.startsWith(prefix))
        .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    },
    discard,
  }
}

/** Undefined for one that a process did not live to write: nothing else is in its folder. */
function readNote(text: string): DraftNote | undefined {
  try {
    return JSON.parse(text) as DraftNote // written by create
  } catch {
    return undefined
  }
}
