import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { createApp, type HttpApp } from '#shared/http/create-app.ts'
import { createIdempotency } from '#shared/idempotency/idempotency.ts'
import type { Keyring } from '#shared/keyring.ts'
import type { StateStore } from '#shared/state/store.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import { createAccessTokens } from '#shared/tokens/access-tokens.ts'
import { createRevocations } from '#shared/tokens/revocations.ts'
import { createSessionEnder } from '#shared/tokens/session-ender.ts'
import { createSessionGuard } from '#shared/tokens/session-guard.ts'
import type { TokenKeys } from '#shared/tokens/token-keys.ts'
import type { Wechat } from '#shared/wechat/wechat.ts'
import { administrationRoutes } from './administration.ts'
import { bindPhone } from './bind-phone.ts'
import { createCheckText } from './check-text.ts'
import { createRequireAdmin, createRequireUser } from './current-user.ts'
import { deleteAccount } from './delete-account.ts'
import { exportData } from './export-data.ts'
import { createRequireFreshLogin } from './fresh-login.ts'
import { hello } from './hello.ts'
import { profileRoutes } from './profile.ts'
import { createSessionData } from './session-data.ts'
import { sessionRoutes } from './sessions.ts'
import { wechatProfile } from './wechat-profile.ts'

export interface UserOptions {
  readonly appId: string
  readonly corsOrigins?: readonly string[]
  readonly issuer: string
  readonly tokenKeys: TokenKeys
  readonly dataKeys: Keyring
  readonly indexKey: Uint8Array
  readonly database: Database
  readonly state: StateStore
  readonly wechat: Pick<Wechat, 'codeExchange' | 'phoneNumber' | 'checkText'>
  readonly clock: Clock
  readonly logger: Logger
}

/** The user function over its ports. */
export function createUserApp(options: UserOptions): HttpApp {
  const { appId, tokenKeys, dataKeys, indexKey, database, state, wechat, clock, logger } = options
  const accessTokens = createAccessTokens({ keys: tokenKeys, issuer: options.issuer, audience: appId, clock })
  const revocations = createRevocations(state, logger)
  const guard = createSessionGuard({ accessTokens, revocations, database, clock })
  const ender = createSessionEnder({ database, revocations, clock })
  const requireUser = createRequireUser(guard, database)
  const parts = {
    ...options,
    ender,
    requireUser,
    requireAdmin: createRequireAdmin(requireUser),
    requireFreshLogin: createRequireFreshLogin({ exchange: wechat.codeExchange, clock }),
    checkText: createCheckText(wechat),
    sessionData: createSessionData({ appId, dataKeys }),
    idempotency: createIdempotency({ database, dataKeys, clock }),
    phoneKeys: { dataKeys, indexKey },
  }

  return createApp({
    name: 'user',
    logger,
    clock,
    corsOrigins: options.corsOrigins ?? [],
    routes: [
      hello(clock),
      ...profileRoutes(parts),
      deleteAccount(parts),
      bindPhone(parts),
      wechatProfile(parts),
      ...sessionRoutes(parts),
      exportData(parts),
      ...administrationRoutes(parts),
    ],
    warm: (signal) => database.warm(signal),
    async close() {
      await Promise.all([database.close(), state.close()])
    },
  })
}
