import { contentFault } from './content-fault.ts'
import { type MediaType } from './media-types.ts'
import { officeTypeOfPart } from './office-type.ts'
import { zipEnd, type ZipEnd } from './zip-end.ts'

interface Entry {
  readonly name: string
  readonly isEncrypted: boolean
  readonly unpackedBytes: number
}

const ENTRY = Buffer.from('PK\x01\x02', 'latin1')
const ENTRY_BYTES = 46
const MAX_UNPACKED_BYTES = 1024 ** 3
const MORE_THAN_FITS = 0xffff

const MACROS = /(?:^|\/)(?:vba(?:Project|Data)[^/]*\.(?:bin|xml)$|macrosheets\/|activeX\/)/i
/** Programs, and what makes the file a Java archive as well. */
const PROGRAMS = /^META-INF\/|\.(?:class|jar|exe|dll|com|scr|bat|cmd|ps1|vbs|js|jse|wsf|hta|lnk|html?|svg)$/i
const CLIMBS = /^(?:[/\\]|[a-z]:)|(?:^|[/\\])\.\.(?:[/\\]|$)/i

/**
 * Refuses an Office document whose list of parts, at the end of the file, holds macros, programs or paths that climb, or is
 * not there. Of a list longer than `tail` what can be seen is looked at.
 *
 * @throws Fault unsupported_media_type
 */
export function checkOfficeEnd(type: MediaType, tail: Buffer): void {
  const end = zipEnd(tail)
  if (end === undefined || !end.isLast) throw contentFault('truncated', 'the document has no end')
  if (end.entries === MORE_THAN_FITS) throw contentFault('malformed', 'the document has too many parts')
  const names = new Set<string>()
  let unpackedBytes = 0
  for (const entry of entries(tail, end)) {
    checkEntry(entry)
    names.add(entry.name)
    unpackedBytes += entry.unpackedBytes
  }
  if (unpackedBytes > MAX_UNPACKED_BYTES)
    throw contentFault('archive', 'the document unpacks to more than 1 GB')
  if (!isOf(type, names)) throw contentFault('content_type_mismatch', `the parts are not those of ${type}`)
}

function checkEntry({ name, isEncrypted }: Entry): void {
  if (isEncrypted) throw contentFault('encrypted', 'the document is encrypted')
  if (MACROS.test(name)) throw contentFault('macros', 'the document has macros')
  if (PROGRAMS.test(name)) throw contentFault('script', 'the document holds a program')
  if (CLIMBS.test(name)) throw contentFault('malformed', 'a part of the document has a path that climbs')
}

function isOf(type: MediaType, names: ReadonlySet<string>): boolean {
  return names.has('[Content_Types].xml') && [...names].some((name) => officeTypeOfPart(name) === type)
}

function* entries(tail: Buffer, { at: end, directoryBytes }: ZipEnd): Generator<Entry> {
  // What is not among the bytes at hand could be a macro: a list of some 2,500 parts still is.
  if (directoryBytes > end) throw contentFault('malformed', 'the document has too many parts')
  let at = end - directoryBytes
  while (at !== end) {
    if (at < 0 || at + ENTRY_BYTES > end || tail.indexOf(ENTRY, at) !== at)
      throw contentFault('malformed', "the document's list of parts cannot be read")
    const nameBytes = tail.readUInt16LE(at + 28)
    yield {
      name: tail.toString('utf8', at + ENTRY_BYTES, Math.min(at + ENTRY_BYTES + nameBytes, end)),
      isEncrypted: (tail.readUInt16LE(at + 8) & 1) === 1,
      unpackedBytes: tail.readUInt32LE(at + 24),
    }
    at += ENTRY_BYTES + nameBytes + tail.readUInt16LE(at + 30) + tail.readUInt16LE(at + 32)
  }
}
