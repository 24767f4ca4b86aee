import { hash } from 'node:crypto'
import type { AccessClaims } from './access-tokens.ts'

/** A token that has been verified in full, and when it may be accepted. */
export interface VerifiedToken {
  readonly claims: AccessClaims
  /** The first second. */
  readonly fromS: number
  /** The last second. */
  readonly untilS: number
}

export interface VerifiedTokens {
  /** The claims of exactly this token, where it was verified before and may be accepted at this second. */
  find(token: string, nowS: number): AccessClaims | undefined
  add(token: string, verified: VerifiedToken, nowS: number): void
  readonly size: number
}

/**
 * Remembers which tokens have been verified, `maxTokens` at most, so that a client's next call need not pay for the
 * signature again. It holds digests, so that nobody who sees the memory has a token; and an entry is only found by
 * who has the whole token already.
 */
export function verifiedTokens(maxTokens: number): VerifiedTokens {
  // Oldest first. Tokens live equally long, so those that have run out stand at the front.
  const entries = new Map<string, VerifiedToken>()

  function find(token: string, nowS: number): AccessClaims | undefined {
    const entry = entries.get(digest(token))
    return entry !== undefined && entry.fromS <= nowS && nowS <= entry.untilS ? entry.claims : undefined
  }

  function add(token: string, verified: VerifiedToken, nowS: number): void {
    entries.set(digest(token), verified)
    for (const [key, { untilS }] of entries) {
      if (untilS >= nowS && entries.size <= maxTokens) break
      entries.delete(key)
    }
  }

  return {
    find,
    add,
    get size() {
      return entries.size
    },
  }
}

function digest(token: string): string {
  return hash('sha256', token, 'base64')
}
