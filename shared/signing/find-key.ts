import type { Keyring } from '#shared/keyring.ts'
import type { PartnerKeys } from './partner-keys.ts'
import { sessionKeyOf } from './session-signing-key.ts'
import type { Demand, SignedBy, SigningSession, UserKeySource } from './signature-check.ts'
import { userKeyVersion, userSigningKey } from './user-signing-key.ts'

/** The key that a signature names, and whom it stands for. */
export interface FoundKey {
  readonly signed: SignedBy
  readonly key: Uint8Array
  /** Whose nonces it spends. */
  readonly owner: string
}

/** Why there is no key to try. */
export interface NoKey {
  readonly problem: string
}

export interface KeyQuery {
  readonly kid: string
  readonly demand: Demand
  /** The partner named by the path, where it is. */
  readonly partner: string | undefined
  readonly session: SigningSession | undefined
}

export interface KeyRings {
  readonly masters: Keyring
  readonly appId: string
  readonly partners: PartnerKeys
  readonly userKey?: UserKeySource | undefined
}

type Kind = SignedBy['by']

const ACCEPTED: Readonly<Record<Demand, readonly Kind[]>> = {
  // A partner's does not bind the call to the session whose token it carries.
  optional: ['session', 'user-key'],
  required: ['session', 'user-key'],
  'user-key': ['user-key'],
  partner: ['partner'],
}

/** What a key id says about the key: ids of master keys have no dot. */
function kindOf(kid: string): Kind {
  if (userKeyVersion(kid) !== undefined) return 'user-key'
  return kid.includes('.') ? 'partner' : 'session'
}

/** The key a signature must have been made with, if the route accepts its kind at all. */
export async function findKey(
  rings: KeyRings,
  query: KeyQuery,
  signal: AbortSignal,
): Promise<FoundKey | NoKey> {
  const kind = kindOf(query.kid)
  if (!ACCEPTED[query.demand].includes(kind)) {
    return {
      problem: `this route wants a key of the kind ${ACCEPTED[query.demand].join(' or ')}, not ${kind}`,
    }
  }
  if (kind === 'partner') return partnerKey(rings, query)
  if (query.session === undefined)
    return { problem: "the key is a session's, and the request has no access token" }
  return kind === 'session'
    ? sessionKey(rings, query.kid, query.session)
    : userKey(rings, query.kid, query.session, signal)
}

function partnerKey({ partners }: KeyRings, { kid, partner }: KeyQuery): FoundKey | NoKey {
  const found = partners.get(kid)
  if (found === undefined) return { problem: `PARTNER_KEYS has no key "${kid}"` }
  if (partner !== undefined && found.partner !== partner)
    return { problem: `the key "${kid}" is another partner's` }
  return { signed: { by: 'partner', kid, partner: found.partner }, key: found.key, owner: kid }
}

function sessionKey({ masters, appId }: KeyRings, kid: string, session: SigningSession): FoundKey | NoKey {
  const key = sessionKeyOf(masters, kid, { appId, ...session })
  if (key === undefined) return { problem: `SIGNING_KEYS has no key "${kid}"` }
  return { signed: { by: 'session', kid }, key, owner: session.sessionId }
}

async function userKey(
  { userKey: read, appId }: KeyRings,
  kid: string,
  session: SigningSession,
  signal: AbortSignal,
): Promise<FoundKey | NoKey> {
  const version = userKeyVersion(kid)
  if (version === undefined || read === undefined)
    return { problem: "WeChat's user keys are not in use here" }
  const encryptKey = await read(session, version, signal)
  if (encryptKey === undefined) return { problem: `WeChat has no user key of version ${version} any more` }
  const key = userSigningKey(encryptKey, { appId, sessionId: session.sessionId, version })
  return { signed: { by: 'user-key', kid }, key, owner: session.sessionId }
}
