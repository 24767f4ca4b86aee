import { Fault } from '#shared/errors.ts'
import { safeFileName } from './file-name.ts'
import { isCalled, MEDIA_TYPE_NAMES, type MediaType, typeOfExtension } from './media-types.ts'

export interface Claim {
  /** As the client sent it. */
  readonly name: string
  /** As the client sent it: parameters, odd case and aliases are fine. */
  readonly contentType: string
  readonly allowed: readonly MediaType[]
}

/** What a declared type is when the client knows none; `wx.uploadFile` sends the first for endings it does not know. */
const SAYS_NOTHING: ReadonlySet<string> = new Set([
  'application/octet-stream',
  'binary/octet-stream',
  '*/*',
  '',
])

/** What somebody refused can do instead. */
const HINTS: ReadonlyMap<string, string> = new Map([
  ['heic', 'HEIC pictures are not accepted; choose with sizeType "compressed", which gives JPEG'],
  ['heif', 'HEIF pictures are not accepted; choose with sizeType "compressed", which gives JPEG'],
  ['svg', 'SVG is not accepted, since it can hold scripts; send PNG'],
  ['doc', 'save it as .docx'],
  ['xls', 'save it as .xlsx'],
  ['ppt', 'save it as .pptx'],
  ['docm', 'documents with macros are not accepted; save it as .docx'],
  ['xlsm', 'documents with macros are not accepted; save it as .xlsx'],
  ['pptm', 'documents with macros are not accepted; save it as .pptx'],
])

/**
 * The type that name and declared type claim together. A name without an ending is fine where the declared type says
 * something, and a declared type that says nothing where the name has an ending.
 *
 * @throws Fault unsupported_media_type with `details: [{path, message, reason}]`
 */
export function claimedType({ name, contentType, allowed }: Claim): MediaType {
  const extension = extensionOf(name)
  const declared = (contentType.split(';', 1)[0] ?? '').trim().toLowerCase()
  const type = extension === undefined ? typeByDeclaration(declared) : typeByName(extension, declared)
  if (!allowed.includes(type))
    throw refusal(
      extension === undefined ? 'contentType' : 'name',
      'not_allowed',
      `${type} is not accepted here`,
    )
  return type
}

function typeByName(extension: string, declared: string): MediaType {
  const type = typeOfExtension(extension)
  if (type === undefined)
    throw refusal('name', 'unknown_extension', HINTS.get(extension) ?? `.${extension} is not accepted`)
  if (!SAYS_NOTHING.has(declared) && !isCalled(type, declared))
    throw refusal('contentType', 'contradicts_name', `is not what .${extension} files are: expected ${type}`)
  return type
}

function typeByDeclaration(declared: string): MediaType {
  if (SAYS_NOTHING.has(declared))
    throw refusal('name', 'missing_extension', 'needs an ending such as .jpg, since the type says nothing')
  const type =
    MEDIA_TYPE_NAMES.find((name) => name === declared) ??
    MEDIA_TYPE_NAMES.find((name) => isCalled(name, declared))
  if (type === undefined) throw refusal('contentType', 'unknown_type', 'this type is not accepted')
  return type
}

/** In lower case; undefined without one. Of the name as it would be kept: `page.html.` is `page.html`. */
function extensionOf(name: string): string | undefined {
  return /\.([^.]+)$/.exec(safeFileName(name))?.[1]?.toLowerCase()
}

function refusal(path: 'name' | 'contentType', reason: string, message: string): Fault {
  return new Fault('unsupported_media_type', { details: [{ path, message, reason }] })
}
