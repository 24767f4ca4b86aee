import type { Readable } from 'node:stream'
import type { Busboy } from 'busboy'
import { limited } from '#shared/deadline.ts'
import { Fault } from '#shared/errors.ts'

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
}

const FIELD = 'file'
const LIMITS = { fields: 8, parts: 10, files: 1, fieldNameSize: 100, fieldSize: 8 * 1024, headerPairs: 50 }
/** What a form has besides its file: the boundaries, headers and fields. */
const MAX_OVERHEAD_BYTES = 128 * 1024
const IDLE_MS = 10_000

/**
 * Reads a multipart/form-data body up to its file `file`, which then streams as it is read.
 *
 * @throws Fault unsupported_media_type, payload_too_large, bad_request; the stream ends with the same
 * @see RFC 7578
 */
export async function formFile(
  request: Request,
  { maxBytes, idleMs = IDLE_MS }: FormLimits,
  signal: AbortSignal,
): Promise<FormFile> {
  const { headers, body } = request
  if (body === null || !/^multipart\/form-data\b/i.test(headers.get('content-type') ?? ''))
    throw new Fault('unsupported_media_type', { details: [{ expected: 'multipart/form-data' }] })
  if (Number(headers.get('content-length') ?? 0) > maxBytes + MAX_OVERHEAD_BYTES)
    throw tooLarge('size', { maxBytes })
  const parser = await openParser(headers, maxBytes)
  return new Promise((resolve, reject) => {
    const reader = body.getReader()
    const end = endOf(parser, maxBytes)
    let isFound = false
    parser.on('file', (field, file, { filename = '', mimeType }) => {
      if (field !== FIELD || isFound) return void file.resume()
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
    void pump({ reader, parser, idleMs }, signal)
  })
}

async function openParser(headers: Headers, maxBytes: number): Promise<Busboy> {
  const { default: busboy } = await import('./drivers/busboy.ts')
  try {
    const limits = { ...LIMITS, fileSize: maxBytes }
    return busboy({ headers: Object.fromEntries(headers), defParamCharset: 'utf8', limits })
  } catch (cause) {
    throw malformed(cause)
  }
}

/** Settles when the form has been read: rejects with what is wrong with it. */
function endOf(parser: Busboy, maxBytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (fault: Fault) => {
      reject(fault)
      parser.destroy()
    }
    parser.on('file', (_field, file) => {
      file.on('limit', () => fail(tooLarge('size', { maxBytes })))
      file.on('error', () => {}) // the parser says it, too
    })
    parser.on('field', (_name, _value, { nameTruncated, valueTruncated }) => {
      if (nameTruncated || valueTruncated) fail(tooLarge('field', { maxBytes: LIMITS.fieldSize }))
    })
    parser.on('filesLimit', () => fail(tooLarge('files', { maxFiles: LIMITS.files })))
    parser.on('fieldsLimit', () => fail(tooLarge('fields', { maxFields: LIMITS.fields })))
    parser.on('partsLimit', () => fail(tooLarge('parts', { maxParts: LIMITS.parts })))
    parser.on('error', (cause) => fail(cause instanceof Fault ? cause : malformed(cause)))
    parser.on('close', resolve)
  })
}

interface Pump {
  readonly reader: ReadableStreamDefaultReader<Uint8Array>
  readonly parser: Busboy
  readonly idleMs: number
}

/** Feeds the parser as fast as it takes, until either has enough. */
async function pump({ reader, parser, idleMs }: Pump, signal: AbortSignal): Promise<void> {
  try {
    while (!parser.destroyed) {
      const { value } = await limited(idleMs, () => reader.read(), signal).catch(late)
      if (value === undefined) return void parser.end()
      if (!parser.destroyed && !parser.write(value)) await drained(parser)
    }
  } catch (error) {
    parser.destroy(error instanceof Error ? error : new Error('The body broke off'))
  } finally {
    reader.cancel().catch(() => {}) // an already finished stream ignores it
  }
}

function drained(parser: Busboy): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      parser.off('drain', done).off('close', done)
      resolve()
    }
    parser.on('drain', done).on('close', done)
  })
}

/** The sender took too long, or went away. */
function late(error: unknown): never {
  const isLate = error instanceof DOMException && error.name === 'TimeoutError'
  if (isLate) throw new Fault('bad_request', { details: [{ message: 'the body did not arrive in time' }] })
  throw error
}

/** The file's bytes; they end well only when the form does. */
function streamed(
  file: Readable,
  { end, stop }: { readonly end: Promise<void>; readonly stop: () => void },
): ReadableStream<Uint8Array> {
  const chunks = file[Symbol.asyncIterator]()
  async function next(): Promise<IteratorResult<Uint8Array>> {
    try {
      return await chunks.next()
    } catch (error) {
      await end // which knows the reason
      throw error
    }
  }
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await next()
        if (done !== true) return controller.enqueue(value)
        await end
        controller.close()
      },
      cancel: stop,
    },
    { highWaterMark: 0 },
  )
}

function malformed(cause: unknown): Fault {
  const message = cause instanceof Error ? cause.message : 'malformed'
  return new Fault('bad_request', { details: [{ message: `multipart: ${message}` }] })
}

function tooLarge(reason: string, limit: Readonly<Record<string, number>>): Fault {
  return new Fault('payload_too_large', { details: [{ reason, ...limit }] })
}
