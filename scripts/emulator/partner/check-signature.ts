import type { Clock } from '#shared/clock.ts'
import { canonicalRequest, requestParts } from '#shared/signing/canonical-request.ts'
import type { PartnerKey } from '#shared/signing/partner-keys.ts'
import { parseSignature } from '#shared/signing/signature-header.ts'
import { requestMac } from '#shared/signing/sign-request.ts'
import { PartnerRefusal } from './partner-payments.ts'

export interface ReceivedCall {
  readonly method: string
  readonly url: string
  readonly signature: string
  readonly body: Uint8Array
}

const MAX_SKEW_S = 300

/** Checks calls as the partner: by its key, near its time, and each signature once. */
export function signatureChecker(key: PartnerKey, clock: Clock): (call: ReceivedCall) => void {
  const spent = new Set<string>()
  return ({ method, url, signature, body }) => {
    const header = parseSignature(signature)
    if (header === undefined || header.kid !== key.kid) throw new PartnerRefusal(401, 'unsigned')
    const { kid, ts, nonce, sig } = header
    if (Math.abs(clock() / 1_000 - Number(ts)) > MAX_SKEW_S) throw new PartnerRefusal(401, 'stale')
    const text = canonicalRequest({ ...requestParts({ method, url }, body), kid, ts, nonce })
    if (requestMac(key.key, text).toString('base64url') !== sig)
      throw new PartnerRefusal(401, 'wrong_signature')
    if (spent.has(nonce)) throw new PartnerRefusal(401, 'replayed')
    spent.add(nonce)
  }
}
