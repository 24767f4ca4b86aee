import * as v from 'valibot'
import { Fault } from '#shared/errors.ts'
import type { Announcement } from '#shared/files/begin-upload.ts'
import { PURPOSE_NAMES } from '#shared/files/purposes.ts'
import { validate } from '#shared/http/validate.ts'

export const TUS_VERSION = '1.0.0'

export const tusHeaders = { 'tus-resumable': TUS_VERSION } as const

/** The same fault, told as tus wants it. */
export function tusFault(fault: Fault): Fault {
  const { error, details, cause, retryAfterS, headers } = fault
  const rest = {
    ...(cause === undefined ? {} : { cause }),
    ...(retryAfterS === undefined ? {} : { retryAfterS }),
  }
  return new Fault(error, { details, ...rest, headers: { ...headers, ...tusHeaders } })
}

const Metadata = v.object({
  filename: v.pipe(v.string(), v.minLength(1), v.maxLength(4096)),
  filetype: v.optional(v.pipe(v.string(), v.maxLength(255)), 'application/octet-stream'),
  purpose: v.picklist(PURPOSE_NAMES),
})

/** What a creation request says about the file. @throws Fault validation_failed */
export function tusAnnouncement(headers: Headers): Announcement {
  const sizeBytes = wholeNumber(headers, 'upload-length')
  if (sizeBytes === 0) throw invalid('upload-length', 'expected at least 1')
  const { filename, filetype, purpose } = validate(
    Metadata,
    readMetadata(headers.get('upload-metadata') ?? ''),
  )
  return { name: filename, contentType: filetype, purpose, sizeBytes }
}

/** @throws Fault validation_failed unless the header is a whole number */
export function wholeNumber(headers: Headers, name: string): number {
  const text = headers.get(name) ?? ''
  const value = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw invalid(name, 'expected a whole number')
  return value
}

/** "comma-separated key-value pairs. The key and value MUST be separated by a space. … The value MUST be Base64 encoded" */
function readMetadata(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(',').map((pair) => pair.trim().split(' '))
  return Object.fromEntries(
    pairs.map(([key = '', value = '']) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  )
}

function invalid(path: string, message: string): Fault {
  return new Fault('validation_failed', { details: [{ path, message }] })
}
