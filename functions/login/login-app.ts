import { createApp, type HttpApp } from '#shared/http/create-app.ts'
import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import type { Keyring } from '#shared/keyring.ts'
import type { StateStore } from '#shared/state/store.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import { createAccessTokens } from '#shared/tokens/access-tokens.ts'
import { createRevocations } from '#shared/tokens/revocations.ts'
import { createSessionEnder } from '#shared/tokens/session-ender.ts'
import { createSessionGuard } from '#shared/tokens/session-guard.ts'
import { createSessionRefresher } from '#shared/tokens/session-refresher.ts'
import { createSessionStarter } from '#shared/tokens/session-starter.ts'
import type { TokenKeys } from '#shared/tokens/token-keys.ts'
import type { CodeExchange } from '#shared/wechat/code-exchange.ts'
import { keySet } from './key-set.ts'
import { createPresent } from './present-session.ts'
import { refreshSession } from './refresh-session.ts'
import { signIn } from './sign-in.ts'
import { signOut } from './sign-out.ts'

export interface LoginOptions {
  readonly appId: string
  readonly adminOpenids: readonly string[]
  readonly corsOrigins?: readonly string[]
  readonly issuer: string
  readonly tokenKeys: TokenKeys
  readonly dataKeys: Keyring
  readonly signingKeys: Keyring
  readonly database: Database
  readonly state: StateStore
  readonly exchange: CodeExchange
  readonly clock: Clock
  readonly logger: Logger
}

/** The login function over its ports. */
export function createLoginApp(options: LoginOptions): HttpApp {
  const { appId, tokenKeys, database, state, clock, logger } = options
  const accessTokens = createAccessTokens({ keys: tokenKeys, issuer: options.issuer, audience: appId, clock })
  const revocations = createRevocations(state, logger)
  const guard = createSessionGuard({ accessTokens, revocations, database, clock })
  const ender = createSessionEnder({ database, revocations, clock })
  const parts = { ...options, accessTokens, revocations }
  const present = createPresent({ signingKeys: options.signingKeys, appId })

  return createApp({
    name: 'login',
    logger,
    clock,
    corsOrigins: options.corsOrigins ?? [],
    routes: [
      signIn({ ...options, startSession: createSessionStarter(parts), present }),
      refreshSession({ database, refresh: createSessionRefresher(parts), present }),
      signOut({ guard, ender }),
      keySet(accessTokens),
    ],
    warm: (signal) => database.warm(signal),
    async close() {
      await Promise.all([database.close(), state.close()])
    },
  })
}
