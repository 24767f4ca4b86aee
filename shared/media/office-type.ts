import { asBuffer } from './latin1.ts'
import type { MediaType } from './media-types.ts'

const LOCAL_HEADER = Buffer.from('PK\x03\x04', 'latin1')
const LOCAL_HEADER_BYTES = 30

/** The folder that holds the main part, by type (ECMA-376 leaves its place free; every writer uses these). */
const MAIN_FOLDERS: readonly (readonly [folder: string, type: MediaType])[] = [
  ['word/', 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'],
  ['xl/', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'],
  ['ppt/', 'application/vnd.openxmlformats-officedocument.presentationml.presentation'],
]

/** What may come first: Microsoft Office begins with the first of these, LibreOffice and WPS with others. */
const FIRST_PART = /^(?:\[Content_Types\]\.xml|_rels\/|docProps\/|customXml\/|word\/|xl\/|ppt\/)/

/** Which kind of Office document a zip's first entries make it; undefined for any other zip. */
export function officeType(head: Uint8Array): MediaType | undefined {
  const bytes = asBuffer(head)
  if (bytes.indexOf(LOCAL_HEADER) !== 0) return undefined
  let isFirst = true
  for (const name of entryNames(bytes)) {
    if (isFirst && !FIRST_PART.test(name)) return undefined
    isFirst = false
    const type = officeTypeOfPart(name)
    if (type !== undefined) return type
  }
  return undefined
}

/** By their signature: lengths are missing from headers that were written before the data. */
function* entryNames(bytes: Buffer): Generator<string> {
  for (let at = 0; at !== -1; at = bytes.indexOf(LOCAL_HEADER, at + LOCAL_HEADER_BYTES)) {
    if (at + LOCAL_HEADER_BYTES > bytes.length) return
    const start = at + LOCAL_HEADER_BYTES
    yield bytes.toString('latin1', start, Math.min(start + bytes.readUInt16LE(at + 26), bytes.length))
  }
}

/** The type of documents that have a part of this name; undefined for parts that all have. */
export function officeTypeOfPart(name: string): MediaType | undefined {
  return MAIN_FOLDERS.find(([folder]) => name.startsWith(folder))?.[1]
}
