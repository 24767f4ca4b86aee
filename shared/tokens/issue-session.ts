import type { Clock } from '#shared/clock.ts'
import type { AccessTokens } from './access-tokens.ts'
import { encodeRefreshToken } from './refresh-token.ts'

export interface TokenPair {
  readonly accessToken: string
  readonly expiresInS: number
  readonly refreshToken: string
  readonly refreshExpiresInS: number
}

export interface IssuedSession {
  readonly tokens: TokenPair
  readonly sessionId: string
  readonly userId: string
  /** The refresh token's counter. */
  readonly generation: number
}

/** What a session's tokens are made of. */
export interface SessionFacts {
  readonly sessionId: string
  readonly userId: string
  readonly epoch: number
  readonly generation: number
  /** The session's refresh key. */
  readonly key: Uint8Array
  /** Epoch milliseconds beyond which no refresh goes. */
  readonly expiresAt: number
}

const DAY_MS = 86_400_000
/** A session ends when it is not refreshed for this long … */
export const IDLE_MS = 30 * DAY_MS
/** … and at this age however often it was. */
export const ABSOLUTE_MS = 90 * DAY_MS

/** Makes the token pair of a session at its present generation. The same generation gives the same refresh token. */
export async function issueSession(
  { accessTokens, clock }: { readonly accessTokens: AccessTokens; readonly clock: Clock },
  session: SessionFacts,
): Promise<IssuedSession> {
  const { sessionId, userId, generation, key, expiresAt } = session
  const access = await accessTokens.issue(session)
  const refreshLifeMs = Math.min(IDLE_MS, expiresAt - clock())
  const tokens = {
    ...access,
    refreshToken: encodeRefreshToken(sessionId, generation, key),
    refreshExpiresInS: Math.floor(refreshLifeMs / 1000),
  }
  return { tokens, sessionId, userId, generation }
}
