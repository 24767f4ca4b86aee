import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import busboy from 'busboy'
import { Refusal } from './refusal.ts'

export interface FormFile {
  readonly fields: ReadonlyMap<string, string>
  readonly partType: string
}

const LIMITS = { fields: 40, fieldSize: 64 * 1024, fieldNameSize: 100, files: 1, parts: 42 }

/**
 * Reads a form up to its file, hands the file over while it streams in, and answers with what came of it. Fields after
 * the file are ignored, as the stores do.
 */
export function readForm<T>(
  message: IncomingMessage,
  take: (form: FormFile, file: Readable) => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const parser = openParser(message)
    const fields = new Map<string, string>()
    let taken: Promise<T> | undefined

    function fail(error: unknown): void {
      message.unpipe(parser)
      message.resume()
      reject(error)
    }

    parser.on(
      'field',
      (name, value) => void (taken === undefined && fields.set((name ?? '').toLowerCase(), value)),
    )
    parser.on('file', (name, file, { mimeType }) => {
      if (name !== 'file') return void file.resume()
      file.on('error', () => {}) // `take` meets it too
      taken = take({ fields, partType: mimeType }, file)
      taken.catch(fail)
    })
    parser.on('error', () => fail(new Refusal('MalformedPOSTRequest')))
    parser.on('close', () => {
      if (taken === undefined) fail(new Refusal('InvalidArgument', 'The form has no file'))
      else taken.then(resolve, fail)
    })
    message.on('aborted', () => parser.destroy(new Error('aborted')))
    message.pipe(parser)
  })
}

function openParser({ headers }: IncomingMessage) {
  try {
    return busboy({ headers, limits: LIMITS, defParamCharset: 'utf8' })
  } catch {
    throw new Refusal('MalformedPOSTRequest')
  }
}
