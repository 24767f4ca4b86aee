/** Name of the header that carries a request's signature. */
export const SIGNATURE_HEADER = 'x-signature'

export interface SignatureHeader {
  /** Names the key. */
  readonly kid: string
  /** Unix time in seconds, ten digits, as sent. */
  readonly ts: string
  /** 22 characters of base64url: 16 random bytes. */
  readonly nonce: string
  /** HMAC-SHA256 in base64url, 43 characters. */
  readonly sig: string
}

/** The header's parts in order. The last character of `sig` has two spare bits: zero, so that a MAC has one spelling. */
const PARTS = [
  ['kid', '[A-Za-z0-9_.-]{1,64}', 'the id of a key'],
  ['ts', '\\d{10}', 'Unix seconds in ten digits'],
  ['nonce', '[A-Za-z0-9_-]{22}', '22 characters of base64url'],
  ['sig', '[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]', '43 characters of base64url, the MAC of 32 bytes'],
] as const

const FORM = new RegExp(`^v1;${PARTS.map(([name, form]) => `${name}=(?<${name}>${form})`).join(';')}$`)

/** `v1;kid=…;ts=…;nonce=…;sig=…`, in exactly this order and without spaces. */
export function formatSignature({ kid, ts, nonce, sig }: SignatureHeader): string {
  return `v1;kid=${kid};ts=${ts};nonce=${nonce};sig=${sig}`
}

/** Reads the header; undefined for any other form, two signatures in one header included. */
export function parseSignature(text: string): SignatureHeader | undefined {
  const { kid, ts, nonce, sig } = FORM.exec(text)?.groups ?? {}
  if (kid === undefined || ts === undefined || nonce === undefined || sig === undefined) return undefined
  return { kid, ts, nonce, sig }
}

/** What keeps `text` from being a signature, for whoever wrote the client. */
export function signatureProblem(text: string): string {
  if (text.includes(',')) return 'only one signature may be sent'
  const [version, ...given] = text.split(';')
  if (version !== 'v1') return 'must begin with v1;'
  for (const [at, [name, form, means]] of PARTS.entries()) {
    const part = given[at]
    if (part?.startsWith(`${name}=`) !== true)
      return `must be v1;kid=…;ts=…;nonce=…;sig=… in this order and without spaces: ${name} is not there`
    if (!new RegExp(`^${form}$`).test(part.slice(name.length + 1))) return `${name} must be ${means}`
  }
  return 'nothing may follow sig'
}
