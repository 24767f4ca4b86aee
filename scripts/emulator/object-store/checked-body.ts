import { createHash } from 'node:crypto'
import { Refusal } from './refusal.ts'

export interface Expected {
  readonly maxBytes?: number | undefined
  readonly minBytes?: number | undefined
  /** In hex; checked where the request promised one. */
  readonly sha256?: string | undefined
  /** In base64. */
  readonly md5?: string | undefined
}

export interface CheckedBody {
  /** They end with a Refusal when they do not fit. */
  readonly chunks: AsyncIterable<Uint8Array>
  /** In hex, once they have ended. */
  readonly md5Of: () => string
}

/** A body that is checked while it passes. */
export function checkedBody(body: AsyncIterable<Uint8Array>, expected: Expected): CheckedBody {
  const [md5, sha256] = [createHash('md5'), createHash('sha256')]
  let md5Hex = ''

  async function* chunks(): AsyncGenerator<Uint8Array> {
    let sizeBytes = 0
    for await (const chunk of body) {
      sizeBytes += chunk.byteLength
      if (sizeBytes > (expected.maxBytes ?? Number.POSITIVE_INFINITY)) throw new Refusal('EntityTooLarge')
      md5.update(chunk)
      if (expected.sha256 !== undefined) sha256.update(chunk)
      yield chunk
    }
    const digest = md5.digest()
    md5Hex = digest.toString('hex')
    if (sizeBytes < (expected.minBytes ?? 0)) throw new Refusal('EntityTooSmall')
    if (expected.sha256 !== undefined && sha256.digest('hex') !== expected.sha256)
      throw new Refusal('XAmzContentSHA256Mismatch')
    if (expected.md5 !== undefined && digest.toString('base64') !== expected.md5)
      throw new Refusal('InvalidArgument', 'The Content-MD5 does not match what was received')
  }

  return { chunks: chunks(), md5Of: () => md5Hex }
}
