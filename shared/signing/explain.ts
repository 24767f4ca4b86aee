import { timingSafeEqual } from 'node:crypto'
import { type CanonicalParts, canonicalRequest, type RequestParts } from './canonical-request.ts'
import type { FoundKey, NoKey } from './find-key.ts'
import { requestMac } from './sign-request.ts'
import { type Attempt, type Called, hasPort, USUAL_MISTAKES } from './usual-mistakes.ts'
import type { WebhookHeaders } from './webhook.ts'

/** For whoever writes a client: the text that had to be signed, and what is probably wrong. Never a key or a MAC. */
export interface Explanation {
  readonly canonicalRequest: string
  readonly hint: string
}

/** A signature that did not fit. */
export interface Refusal extends Called {
  readonly found: FoundKey | NoKey
  /** One for each name that we may have been called by. */
  readonly expected: readonly CanonicalParts[]
  readonly sig: string
}

const OTHERWISE =
  'No usual mistake fits. Compare your text with this one line by line: the first line that differs is the cause; if none does, the key is another one'

/** Only some ports are tried. */
const WITHOUT_PORT =
  '. Its host has no port: where the client calls one, a proxy has to pass it on in Host, or PUBLIC_HOSTS to name it'

/** Tells why a signature does not fit, as far as that can be found out by trying. */
export function explainRefusal(refusal: Refusal): Explanation {
  const { found, expected } = refusal
  const text = alternatives(expected)
  if ('problem' in found) return { canonicalRequest: text, hint: found.problem }
  const mistake = USUAL_MISTAKES.find(({ attempts }) =>
    expected.some((parts) =>
      attempts(parts, found.key, refusal).some((attempt) => fits(attempt, refusal.sig)),
    ),
  )
  return { canonicalRequest: text, hint: mistake?.hint ?? otherwise(expected) }
}

/** The same for a header that can't be read: what the client has to fill in stands in angle brackets. */
export function explainMalformed(expected: readonly RequestParts[]): Explanation {
  const blanks = { kid: '<kid>', ts: '<ts>', nonce: '<nonce>', sessionId: '<sid or ->' }
  return {
    canonicalRequest: alternatives(expected.map((parts) => ({ ...parts, ...blanks }))),
    hint: 'Sign this text by HMAC-SHA256 and send X-Signature: v1;kid=<kid>;ts=<ts>;nonce=<nonce>;sig=<base64url>',
  }
}

/** The same for a webhook. */
export function explainDelivery(
  { id, timestamp }: WebhookHeaders,
  body: Uint8Array,
  keys: number,
): Explanation {
  return {
    canonicalRequest: `${id}.${timestamp}.${Buffer.from(body).toString()}`,
    hint:
      keys === 0
        ? 'PARTNER_KEYS has no key of this partner'
        : 'Sign the raw body, and decode the secret from base64 after whsec_; sent is v1,<base64>',
  }
}

function otherwise(expected: readonly CanonicalParts[]): string {
  return expected.every(({ host }) => hasPort(host)) ? OTHERWISE : OTHERWISE + WITHOUT_PORT
}

/** Any of the texts will do; an empty line parts them. */
function alternatives(expected: readonly CanonicalParts[]): string {
  return expected.map(canonicalRequest).join('\n\n')
}

function fits({ text, key }: Attempt, sig: string): boolean {
  return timingSafeEqual(requestMac(key, text), Buffer.from(sig, 'base64url'))
}
