import type { Readable } from 'node:stream'
import type { Busboy } from 'busboy'
import { Fault } from '#shared/errors.ts'
import { feedParser } from './feed-parser.ts'

/** The one file of a form, as its headers announce it. */
export interface FormFile {
  readonly name: string
  readonly contentType: string
  /** Ends with an error unless the whole form is well-formed and has no other file. */
  readonly body: ReadableStream<Uint8Array>
}

export interface FormLimits {
  /** Of the file. */
  readonly maxBytes: number
  /** Longest silence of the client. */
  readonly idleMs?: number
  /** Longest time that the client may keep us waiting in all, so that nobody stays by a byte now and then. */
  readonly waitMs?: number
}

const FIELD = 'file'
/** Besides these, the parser takes 16 KB of headers a part, and names of any length within them. */
const LIMITS = { fields: 8, parts: 10, files: 1 }
const MAX_FIELD_BYTES = 8 * 1024
const MAX_NAME_BYTES = 100
/** What a form has besides its file: boundaries, headers, fields, and what stands before and after them. */
const MAX_OVERHEAD_BYTES = 128 * 1024
const IDLE_MS = 10_000
/** "no longer than 70 characters": RFC 2046 §5.1.1. An empty one would be found in every file. */
const BOUNDARY = /;\s*boundary=(?:"[^"\\]{1,70}"|[^\s";,]{1,70})\s*(?:;|$)/i

/**
 * Reads a multipart/form-data body up to its file `file`, which then streams as it is read.
 *
 * @throws Fault unsupported_media_type, payload_too_large, bad_request; the stream ends with the same
 * @see RFC 7578
 */
export async function formFile(
  request: Request,
  { maxBytes, idleMs = IDLE_MS, waitMs = Infinity }: FormLimits,
  signal: AbortSignal,
): Promise<FormFile> {
  const { headers, body } = request
  requireForm(headers, maxBytes)
  const parser = await openParser(headers, maxBytes)
  return new Promise((resolve, reject) => {
    const end = endOf(parser, maxBytes, signal)
    let isFound = false
    parser.on('file', (field, file, { filename = '', mimeType }) => {
      if (field !== FIELD || isFound) {
        file.resume()
        return
      }
      isFound = true
      const body = streamed(file, { end, stop: () => parser.destroy() })
      resolve({ name: filename, contentType: mimeType, body })
    })
    end.then(
      () =>
        isFound ||
        reject(new Fault('validation_failed', { details: [{ path: FIELD, message: 'is required' }] })),
      reject,
    )
    const source = (body ?? new Blob([]).stream()).getReader()
    // Also while it is being read: whoever stops the parser waits for the client no more.
    parser.on('close', () => void source.cancel().catch(() => {})) // one that is finished or broken ignores it
    void feedParser({ parser, source }, { maxBytes: maxBytes + MAX_OVERHEAD_BYTES, idleMs, waitMs }, signal)
  })
}

function requireForm(headers: Headers, maxBytes: number): void {
  const type = headers.get('content-type') ?? ''
  if (!/^multipart\/form-data\s*(?:;|$)/i.test(type))
    throw new Fault('unsupported_media_type', { details: [{ expected: 'multipart/form-data' }] })
  if (!BOUNDARY.test(type)) throw malformed(new Error('a boundary of 1 to 70 characters is required'))
  if (Number(headers.get('content-length') ?? 0) > maxBytes + MAX_OVERHEAD_BYTES)
    throw tooLarge('size', { maxBytes })
}

async function openParser(headers: Headers, maxBytes: number): Promise<Busboy> {
  const { default: busboy } = await import('./drivers/busboy.ts')
  try {
    // What is exactly as long as a limit counts as cut off.
    const limits = { ...LIMITS, fileSize: maxBytes + 1, fieldSize: MAX_FIELD_BYTES + 1 }
    return busboy({ headers: Object.fromEntries(headers), defParamCharset: 'utf8', limits })
  } catch (cause) {
    throw malformed(cause)
  }
}

/** Settles when the form has been read: rejects with what is wrong with it. */
function endOf(parser: Busboy, maxBytes: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (reason: unknown) => {
      reject(reason)
      parser.destroy()
    }
    const checkName = (name: string | undefined = '') => {
      if (Buffer.byteLength(name) > MAX_NAME_BYTES) fail(tooLarge('name', { maxBytes: MAX_NAME_BYTES }))
    }
    parser.on('file', (name, file) => {
      file.on('limit', () => fail(tooLarge('size', { maxBytes })))
      file.on('error', () => {}) // the parser says it, too
      checkName(name)
    })
    parser.on('field', (name, _value, { valueTruncated }) => {
      if (valueTruncated) fail(tooLarge('field', { maxBytes: MAX_FIELD_BYTES }))
      checkName(name)
    })
    parser.on('filesLimit', () => fail(tooLarge('files', { maxFiles: LIMITS.files })))
    parser.on('fieldsLimit', () => fail(tooLarge('fields', { maxFields: LIMITS.fields })))
    parser.on('partsLimit', () => fail(tooLarge('parts', { maxParts: LIMITS.parts })))
    parser.on('error', (cause) => fail(signal.aborted ? signal.reason : asFault(cause)))
    parser.on('close', resolve)
  })
}

/** The file's bytes; they end well only when the form does. */
function streamed(
  file: Readable,
  { end, stop }: { readonly end: Promise<void>; readonly stop: () => void },
): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      start(controller) {
        file.on('data', (chunk: Uint8Array) => {
          file.pause()
          controller.enqueue(chunk)
        })
        // After its last byte, or when the parser has been stopped: the form knows how it ended.
        file.once('close', () => {
          end.then(
            () => controller.close(),
            (error: unknown) => controller.error(error),
          )
        })
        file.pause()
      },
      pull: () => void file.resume(),
      cancel: stop,
    },
    { highWaterMark: 0 },
  )
}

function asFault(error: unknown): Fault {
  return error instanceof Fault ? error : malformed(error)
}

function malformed(cause: unknown): Fault {
  const message = cause instanceof Error ? cause.message : 'malformed'
  return new Fault('bad_request', { details: [{ message: `multipart: ${message}` }] })
}

function tooLarge(reason: string, limit: Readonly<Record<string, number>>): Fault {
  return new Fault('payload_too_large', { details: [{ reason, ...limit }] })
}
