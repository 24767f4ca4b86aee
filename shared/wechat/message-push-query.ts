import { type InferOutput, brand, looseObject, optional, pipe, regex, string } from 'valibot'

// WeChat signs its parts joined without separators. These strict forms keep one signed text from being cut into other
// parts, and from being prolonged, which SHA-1 would allow, by bytes that none of the parts may have.
const sha1 = pipe(string(), regex(/^[0-9a-f]{40}$/, 'expected 40 hexadecimal digits'))
const timestamp = pipe(string(), regex(/^\d{10}$/, 'expected epoch seconds'))
const nonce = pipe(string(), regex(/^[\w-]{1,40}$/, 'expected 1 to 40 letters and digits'))
const echostr = pipe(string(), regex(/^[\x21-\x7e]{1,200}$/, 'expected 1 to 200 characters of ASCII'))

/** The query of WeChat's question whether the URL is ours. */
export const UrlQuestion = pipe(
  looseObject({ signature: sha1, timestamp, nonce, echostr }),
  brand('UrlQuestion'),
)

/** The query of a push. In secure mode only `msg_signature` counts, since `signature` leaves the message out. */
export const PushQuery = pipe(
  looseObject({ timestamp, nonce, signature: optional(sha1), msg_signature: optional(sha1) }),
  brand('PushQuery'),
)

export type UrlQuestion = InferOutput<typeof UrlQuestion>
export type PushQuery = InferOutput<typeof PushQuery>
