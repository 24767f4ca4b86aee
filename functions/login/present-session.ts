import type { UserRow } from '#shared/db/tables/users.ts'
import type { Keyring } from '#shared/keyring.ts'
import { sessionSigningKey } from '#shared/signing/session-signing-key.ts'
import type { IssuedSession } from '#shared/tokens/issue-session.ts'
import { presentUser } from '#shared/users/present-user.ts'

/** A new or refreshed session as the client gets it: token pair, signing key, user. */
export type Present = ReturnType<typeof createPresent>

export function createPresent({
  signingKeys,
  appId,
}: {
  readonly signingKeys: Keyring
  readonly appId: string
}) {
  return ({ tokens, sessionId, generation }: IssuedSession, user: UserRow) => ({
    ...tokens,
    signing: sessionSigningKey(signingKeys, { appId, sessionId, generation }),
    user: presentUser(user),
  })
}
