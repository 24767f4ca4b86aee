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
export function v4Signature(chain: V4Chain, secretKey: string, day: V4Day, text: string): string {
  return signatureBy(derivedKey(chain, secretKey, day), text)
}

/** As `v4Signature`, for many texts: the key of a day is remembered, which is four fifths of the work. */
export function v4Signatures(chain: V4Chain): (secretKey: string, day: V4Day, text: string) => string {
  let known: (V4Day & { readonly secretKey: string; readonly key: Buffer }) | undefined
  return (secretKey, { day, region }, text) => {
    if (known?.day !== day || known.region !== region || known.secretKey !== secretKey)
      known = { day, region, secretKey, key: derivedKey(chain, secretKey, { day, region }) }
    return signatureBy(known.key, text)
  }
}

function derivedKey(chain: V4Chain, secretKey: string, { day, region }: V4Day): Buffer {
  let key = Buffer.from(chain.keyPrefix + secretKey)
  for (const link of [day, region, chain.service, chain.terminator])
    key = createHmac('sha256', key).update(link).digest()
  return key
}

function signatureBy(key: Buffer, text: string): string {
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
