import type { FormTerms } from './object-store.ts'
import type { Texts } from './scheme.ts'

/** What the store answers to an accepted form, with no body. */
export const FORM_STATUS = '200'

/** The policy of a form that admits these terms only, as JSON. */
export function policyOf(
  terms: FormTerms & { readonly bucket: string },
  nowMs: number,
  own: { readonly contentType: readonly [name: string, value: string]; readonly pinned: Texts },
): string {
  return JSON.stringify({
    expiration: new Date(nowMs + terms.expiresInS * 1_000).toISOString(),
    conditions: [
      { bucket: terms.bucket },
      ['eq', '$key', terms.key],
      ['content-length-range', terms.minBytes, terms.maxBytes],
      ['eq', `$${own.contentType[0]}`, own.contentType[1]],
      ['eq', '$success_action_status', FORM_STATUS],
      ...Object.entries(own.pinned).map(([name, value]) => ({ [name]: value })),
    ],
  })
}

export function encodedPolicy(json: string): string {
  return Buffer.from(json).toString('base64')
}
