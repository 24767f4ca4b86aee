import { createHash, randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Refusal } from './refusal.ts'

export interface ReceivedFile {
  readonly file: string
  readonly sizeBytes: number
  /** In hex. */
  readonly md5: string
}

export interface Expected {
  readonly maxBytes?: number | undefined
  readonly minBytes?: number | undefined
  /** In hex; checked where the request promised one. */
  readonly sha256?: string | undefined
  /** In base64. */
  readonly md5?: string | undefined
}

/** Writes a stream to a new file of the folder and checks it on the way. A body that fails or does not fit leaves no file. */
export async function receiveFile(folder: string, body: Readable, expected: Expected): Promise<ReceivedFile> {
  const file = randomUUID()
  const path = join(folder, file)
  const [md5, sha256] = [createHash('md5'), createHash('sha256')]
  let sizeBytes = 0
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sizeBytes += chunk.byteLength
      md5.update(chunk)
      if (expected.sha256 !== undefined) sha256.update(chunk)
      if (sizeBytes > (expected.maxBytes ?? Number.POSITIVE_INFINITY)) done(new Refusal('EntityTooLarge'))
      else done(null, chunk)
    },
  })
  try {
    await pipeline(body, measure, createWriteStream(path))
    const digest = md5.digest()
    if (sizeBytes < (expected.minBytes ?? 0)) throw new Refusal('EntityTooSmall')
    if (expected.sha256 !== undefined && sha256.digest('hex') !== expected.sha256)
      throw new Refusal('XAmzContentSHA256Mismatch')
    if (expected.md5 !== undefined && digest.toString('base64') !== expected.md5)
      throw new Refusal('InvalidArgument', 'The Content-MD5 does not match what was received')
    return { file, sizeBytes, md5: digest.toString('hex') }
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
}
