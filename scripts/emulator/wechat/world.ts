import type { Clock } from '#shared/clock.ts'
import { type Codes, createCodes } from './codes.ts'
import { createFailures, type Failures } from './failures.ts'
import { createIdentities, type Identities, type Identity } from './identities.ts'
import { createMediaChecks, type MediaChecks } from './media-checks.ts'
import { createPusher, type Pusher } from './pusher.ts'
import { createQuotas, type Quotas } from './quotas.ts'
import type { SentMessage } from './subscribe-messages.ts'
import { createTokens, type Tokens } from './tokens.ts'

/** Everything the stand-in knows; gone when it stops. */
export interface World {
  readonly appId: string
  readonly secret: string
  readonly clock: Clock
  /** Logins of one person a minute before 45011. */
  readonly loginsPerMinute: number
  readonly identities: Identities
  readonly loginCodes: Codes<Identity>
  readonly phoneCodes: Codes<PhoneGrant>
  readonly tokens: Tokens
  readonly quotas: Quotas
  readonly failures: Failures
  readonly pusher: Pusher
  readonly mediaChecks: MediaChecks
  /** Subscribe messages that were taken. */
  readonly sentMessages: SentMessage[]
  /** Calls by path, refused ones included. */
  readonly calls: Map<string, number>
}

/** What a press of the phone button gives; `openid` is unknown for a fixed code, which is anybody's. */
export interface PhoneGrant {
  readonly number: string
  readonly openid?: string
}

export interface WorldOptions {
  readonly appId: string
  readonly secret: string
  readonly clock: Clock
  readonly loginsPerMinute: number
  readonly pushTimeoutMs: number
  readonly pushPauseMs: number
  readonly mediaCheckMs: number
}

const FIXED_LOGIN = /^dev-([A-Za-z0-9_-]{1,64})$/
const FIXED_PHONE = /^dev-phone-(\d{11})$/

export function createWorld(options: WorldOptions): World {
  const { appId, clock, pushTimeoutMs, pushPauseMs, mediaCheckMs } = options
  const pusher = createPusher({ appId, clock, timeoutMs: pushTimeoutMs, pauseMs: pushPauseMs })
  const identities = createIdentities(options)
  return {
    ...options,
    identities,
    loginCodes: createCodes({ clock, fixed: FIXED_LOGIN, parse: (name) => identities.named(name) }),
    phoneCodes: createCodes<PhoneGrant>({ clock, fixed: FIXED_PHONE, parse: (number) => ({ number }) }),
    tokens: createTokens(clock),
    quotas: createQuotas(clock),
    failures: createFailures(),
    pusher,
    mediaChecks: createMediaChecks({ appId, pusher, delayMs: mediaCheckMs }),
    sentMessages: [],
    calls: new Map(),
  }
}

export function resetWorld(world: World): void {
  const parts = [
    world.identities,
    world.loginCodes,
    world.phoneCodes,
    world.tokens,
    world.quotas,
    world.failures,
    world.pusher,
    world.mediaChecks,
  ]
  for (const part of parts) part.clear()
  world.sentMessages.length = 0
  world.calls.clear()
}
