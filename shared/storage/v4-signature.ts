import { createHash, createHmac } from 'node:crypto'

/** The key derivation that S3 and OSS share, but for its constants. */
export interface V4Chain {
  readonly algorithm: string
  readonly keyPrefix: string
  readonly service: string
  readonly terminator: string
}

export interface V4Day {
  /** `yyyymmdd`, UTC. */
  readonly day: string
  readonly region: string
}

export function credentialScope(chain: V4Chain, { day, region }: V4Day): string {
  return [day, region, chain.service, chain.terminator].join('/')
}

/** The signature of a text under a secret key, in hex. */
export function v4Signature(chain: V4Chain, secretKey: string, { day, region }: V4Day, text: string): string {
  const links = [day, region, chain.service, chain.terminator]
  let key: string | Buffer = chain.keyPrefix + secretKey
  for (const link of links) key = createHmac('sha256', key).update(link).digest()
  return createHmac('sha256', key).update(text).digest('hex')
}

/** What is signed of a request: its time, its scope, and the hash of its canonical form. */
export function v4StringToSign(chain: V4Chain, time: string, day: V4Day, canonicalRequest: string): string {
  const hash = createHash('sha256').update(canonicalRequest).digest('hex')
  return [chain.algorithm, time, credentialScope(chain, day), hash].join('\n')
}

/** `yyyymmddThhmmssZ`. */
export function v4Time(nowMs: number): string {
  return new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '')
}
