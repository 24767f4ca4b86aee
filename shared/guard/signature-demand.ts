import type { SignedCall } from '#shared/signing/signature-check.ts'
import type { RouteGuard } from './route-guards.ts'

/** What a deployment may say about signatures over the head of the route table. */
export const SIGNING_MODES = ['off', 'optional', 'required'] as const

export type SigningMode = (typeof SIGNING_MODES)[number]

export interface DemandOptions {
  readonly signing?: SigningMode | undefined
  readonly hasUserKeys: boolean
}

/** The signature that a call must have, `undefined` where none is looked at. A partner's is demanded in any mode. */
export function signatureDemand(
  { signature = 'optional', orAdmin, isAnonymous, isUnsigned }: RouteGuard,
  headers: Headers,
  { signing, hasUserKeys }: DemandOptions,
): SignedCall['demand'] | undefined {
  if (signature === 'partner' && !(orAdmin === true && comesAsAdmin(headers))) return 'partner'
  if (signing === 'off' || isUnsigned === true) return undefined
  if (signing === 'optional' || signature === 'partner') return 'optional'
  if (signature === 'assured') return hasUserKeys ? 'user-key' : 'required'
  // Nobody has a session's key before there is a session.
  return signing === 'required' && isAnonymous !== true ? 'required' : signature
}

/** Whether a caller of a partners' route comes with a token instead; its handler then demands an admin's. */
export function comesAsAdmin(headers: Headers): boolean {
  return headers.has('authorization')
}
