import { decodeJwt } from 'jose'
import type { Clock } from '#shared/clock.ts'
import type { Signer } from '#shared/signing/sign-request.ts'

/** What a login answers, as far as signing needs it. */
export interface SigningSession {
  readonly accessToken: string
  readonly signing: { readonly kid: string; readonly key: string }
}

/** Signs as a mini-program does, which reads the session's id from its access token. */
export function sessionSigner({ accessToken, signing }: SigningSession, clock?: Clock): Signer {
  return {
    kid: signing.kid,
    key: Buffer.from(signing.key, 'base64url'),
    sessionId: String(decodeJwt(accessToken)['sid']),
    ...(clock === undefined ? {} : { clock }),
  }
}
