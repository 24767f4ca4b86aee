import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '#shared/clock.ts'

/** One person as WeChat sees them in this mini-program. */
export interface Identity {
  readonly name: string
  readonly openid: string
  readonly unionid: string
  sessionKey: string | undefined
  sessionExpiresAt: number
  visitedAt: number
  encryptKeys: readonly EncryptKey[]
}

export interface EncryptKey {
  readonly encryptKey: string
  readonly iv: string
  readonly version: number
  readonly createdAt: number
}

export interface Identities {
  /** The person of that name, who comes into being when first asked for. */
  named(name: string): Identity
  byOpenid(openid: string): Identity | undefined
  /** A visit with `wx.login`: a new session_key. */
  logIn(identity: Identity): void
  /** Another session_key of the same age. */
  replaceSessionKey(identity: Identity): void
  list(): readonly Identity[]
  clear(): void
}

/** WeChat doesn't publish how long a session_key lives; three days is what its older pages said. */
const SESSION_MS = 3 * 24 * 3_600_000

export function createIdentities({
  appId,
  clock,
}: {
  readonly appId: string
  readonly clock: Clock
}): Identities {
  const byName = new Map<string, Identity>()

  function named(name: string): Identity {
    const known = byName.get(name)
    if (known !== undefined) return known
    const identity: Identity = {
      name,
      // 28 characters each, as the real ones: the openid differs by mini-program, the unionid doesn't.
      openid: `o${digest(`openid:${appId}:${name}`)}`,
      unionid: `o${digest(`unionid:${name}`)}`,
      sessionKey: undefined,
      sessionExpiresAt: 0,
      visitedAt: Number.NEGATIVE_INFINITY,
      encryptKeys: [],
    }
    byName.set(name, identity)
    return identity
  }

  function logIn(identity: Identity): void {
    identity.visitedAt = clock()
    identity.sessionExpiresAt = clock() + SESSION_MS
    replaceSessionKey(identity)
  }

  function replaceSessionKey(identity: Identity): void {
    identity.sessionKey = randomBytes(16).toString('base64')
  }

  return {
    named,
    byOpenid: (openid) => [...byName.values()].find((identity) => identity.openid === openid),
    logIn,
    replaceSessionKey,
    list: () => [...byName.values()],
    clear: () => byName.clear(),
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 27)
}
