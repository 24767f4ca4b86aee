import { createHash, randomUUID } from 'node:crypto'
import { link, readdir, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type Draft, type Drafts, NOTE } from './drafts.ts'
import { isMissing, unlessMissing } from './missing.ts'
import type { DiskFile, DiskObjects } from './objects.ts'
import { writeFileOf } from './write-file.ts'

/** A part as the name of its file tells it. */
export interface DiskPart {
  readonly number: number
  readonly sizeBytes: number
  /** In hex. */
  readonly md5: string
}

export interface NamedPart {
  readonly number: number
  /** Its md5. */
  readonly etag: string
}

/** Why parts do not make an object, in S3's words. */
export type UnfitParts =
  | 'NoSuchUpload'
  | 'MalformedXML'
  | 'InvalidPart'
  | 'InvalidPartOrder'
  | 'EntityTooSmall'

export interface NewPart {
  readonly number: number
  readonly chunks: AsyncIterable<Uint8Array>
  /** Asked at their end. May throw: then they are refused. */
  readonly md5Of: () => string
}

export interface CompletionTerms {
  readonly parts: readonly NamedPart[]
  /** Of every part but the last. */
  readonly minPartBytes: number
  readonly nowMs: number
}

/** Uploads in parts: drafts whose parts are files. */
export interface DiskUploads {
  /** By number. */
  parts(draft: Draft): Promise<readonly DiskPart[]>
  /** Takes a part, in place of one with its number; undefined when the upload has ended. A part that fails leaves nothing. */
  writePart(draft: Draft, part: NewPart): Promise<DiskPart | undefined>
  /** Makes the object. Of two calls at once one does. */
  complete(draft: Draft, terms: CompletionTerms): Promise<{ readonly etag: string } | UnfitParts>
}

interface PartFile extends DiskPart {
  readonly name: string
  /** How many of this number there have been; the last one counts. */
  readonly turn: number
}

export function diskUploads(objects: DiskObjects, drafts: Drafts): DiskUploads {
  async function writePart(draft: Draft, { number, chunks, md5Of }: NewPart): Promise<DiskPart | undefined> {
    const path = join(draft.folder, randomUUID())
    try {
      const sizeBytes = await writeFileOf(path, chunks)
      const part = { number, sizeBytes, md5: md5Of() }
      await addPart(draft, path, part)
      return part
    } catch (error) {
      await rm(path, { force: true })
      if (isMissing(error)) return undefined
      throw error
    }
  }

  async function addPart({ folder }: Draft, path: string, part: DiskPart): Promise<void> {
    const isSame = ({ number }: DiskPart) => number === part.number
    const turn = ((await allParts(folder)).findLast(isSame)?.turn ?? 0) + 1
    await rename(path, join(folder, partName({ ...part, turn })))
    const outdated = (await allParts(folder)).filter(isSame).slice(0, -1)
    await Promise.all(outdated.map(({ name }) => rm(join(folder, name), { force: true })))
  }

  async function complete(draft: Draft, terms: CompletionTerms) {
    const done = await attempt(draft, terms)
    // Its parts are not there either when another call has just ended the upload.
    const isOver = done === 'InvalidPart' && (await drafts.find(draft.id, draft.key)) === undefined
    return isOver ? 'NoSuchUpload' : done
  }

  async function attempt(draft: Draft, { parts, minPartBytes, nowMs }: CompletionTerms) {
    const chosen = chosenParts(await allParts(draft.folder), parts, minPartBytes)
    if (typeof chosen === 'string') return chosen
    const files = await ownFiles(draft, chosen)
    if (files === undefined) return 'InvalidPart'
    const etag = `${md5OfAll(chosen)}-${chosen.length}`
    const { key, contentType } = draft
    const record = { key, contentType, etag, modifiedMs: nowMs, files }
    const folder = await objects.publish(draft.folder, record)
    if (folder === undefined) return 'NoSuchUpload'
    await removeOthers(folder, files)
    return { etag }
  }

  return { parts: async ({ folder }) => lastOfEach(await allParts(folder)), writePart, complete }
}

/** Links under names of this call's own: a part that arrives once more takes the one before away. */
async function ownFiles(
  { folder }: Draft,
  parts: readonly PartFile[],
): Promise<readonly DiskFile[] | undefined> {
  const call = randomUUID()
  const files = parts.map(({ sizeBytes }, at) => ({ name: `${call}-${at}`, sizeBytes }))
  const links = files.map(({ name }, at) => link(join(folder, parts[at]?.name ?? ''), join(folder, name)))
  return unlessMissing(Promise.all(links).then(() => files))
}

/** Deletes parts that were not chosen, sent twice, or still arriving. */
async function removeOthers(folder: string, files: readonly DiskFile[]): Promise<void> {
  const kept = new Set([NOTE, `${basename(folder)}.json`, ...files.map(({ name }) => name)])
  const names = (await unlessMissing(readdir(folder))) ?? []
  const others = names.filter((name) => !kept.has(name))
  await Promise.all(others.map((name) => rm(join(folder, name), { force: true })))
}

function partName({ number, turn, sizeBytes, md5 }: Omit<PartFile, 'name'>): string {
  return [String(number).padStart(5, '0'), String(turn).padStart(9, '0'), sizeBytes, md5].join('-')
}

const PART_NAME = /^(\d{5})-(\d{9})-(\d+)-([0-9a-f]{32})$/

/** By number, then turn. */
async function allParts(folder: string): Promise<readonly PartFile[]> {
  const names = (await unlessMissing(readdir(folder))) ?? []
  return names.toSorted().flatMap((name) => {
    const [, number, turn, sizeBytes, md5 = ''] = PART_NAME.exec(name) ?? []
    if (number === undefined) return []
    return [{ name, number: Number(number), turn: Number(turn), sizeBytes: Number(sizeBytes), md5 }]
  })
}

function lastOfEach(parts: readonly PartFile[]): readonly PartFile[] {
  return [...new Map(parts.map((part) => [part.number, part])).values()]
}

function chosenParts(
  all: readonly PartFile[],
  named: readonly NamedPart[],
  minPartBytes: number,
): readonly PartFile[] | UnfitParts {
  if (named.length === 0) return 'MalformedXML'
  if (named.some(({ number }, at) => number <= (named[at - 1]?.number ?? 0))) return 'InvalidPartOrder'
  const byNumber = new Map(all.map((part) => [part.number, part]))
  const chosen = named.flatMap(({ number, etag }) => {
    const part = byNumber.get(number)
    return part?.md5 === etag ? [part] : []
  })
  if (chosen.length < named.length) return 'InvalidPart'
  return chosen.slice(0, -1).some(({ sizeBytes }) => sizeBytes < minPartBytes) ? 'EntityTooSmall' : chosen
}

function md5OfAll(parts: readonly DiskPart[]): string {
  return createHash('md5')
    .update(Buffer.concat(parts.map(({ md5 }) => Buffer.from(md5, 'hex'))))
    .digest('hex')
}
