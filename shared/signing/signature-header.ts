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

const FORM =
  /^v1;kid=(?<kid>[A-Za-z0-9_.-]{1,64});ts=(?<ts>\d{10});nonce=(?<nonce>[A-Za-z0-9_-]{22});sig=(?<sig>[A-Za-z0-9_-]{43})$/

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
