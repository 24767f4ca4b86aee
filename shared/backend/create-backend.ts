import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { findSession } from '#shared/db/tables/sessions.ts'
import { findUser } from '#shared/db/tables/users.ts'
import { builtInPolicies } from '#shared/guard/built-in-policies.ts'
import { createGuard } from '#shared/guard/guard.ts'
import { createJudge, type Judge, type UserFacts } from '#shared/guard/judge.ts'
import { createApp, type HttpApp } from '#shared/http/create-app.ts'
import type { Route } from '#shared/http/route.ts'
import { createLimiter } from '#shared/rate-limit/limiter.ts'
import { createRisk } from '#shared/risk/risk.ts'
import { parsePartnerKeys } from '#shared/signing/partner-keys.ts'
import { createNonces } from '#shared/signing/nonces.ts'
import { createSignatureCheck, type SignatureCheckOptions } from '#shared/signing/signature-check.ts'
import type { StateStore } from '#shared/state/store.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import type { RequestTracer } from '#shared/telemetry/request-tracer.ts'
import { createAccessTokens } from '#shared/tokens/access-tokens.ts'
import { createRevocations } from '#shared/tokens/revocations.ts'
import { createSessionGuard } from '#shared/tokens/session-guard.ts'
import type { TokenKeys } from '#shared/tokens/token-keys.ts'
import type { BackendSettings } from './backend-settings.ts'

/** What any function is made of: its settings and its ports. */
export interface BackendOptions
  extends
    Pick<BackendSettings, 'appId' | 'issuer' | 'signingKeys'>,
    Partial<Omit<BackendSettings, 'appId' | 'issuer' | 'signingKeys'>> {
  readonly tokenKeys: TokenKeys
  readonly database: Database
  readonly state: StateStore
  readonly clock: Clock
  readonly logger: Logger
  /** Follows calls; nobody does unless given. */
  readonly tracer?: RequestTracer | undefined
  readonly riskRank?: UserFacts['riskRank']
  /** WeChat's user key of a session; where it is given, assured routes demand it. */
  readonly userKey?: SignatureCheckOptions['userKey']
}

/** What all functions have in common: sessions, the guard before every route, and the app around the routes. */
export function createBackend(options: BackendOptions) {
  const { appId, issuer, tokenKeys, database, state, clock, logger, riskRank, userKey } = options
  const accessTokens = createAccessTokens({ keys: tokenKeys, issuer, audience: appId, clock })
  const revocations = createRevocations(state, logger)
  const sessions = createSessionGuard({ accessTokens, revocations, database, clock })
  const limiter = createLimiter({ state, clock, logger, instances: options.limitInstances })
  const risk = createRisk({ database, state, clock, logger })
  const facts: UserFacts = {
    status: async (userId, signal) =>
      (await findUser(await database.sql(), userId, signal))?.status ?? 'unknown',
    startedAt: async (id, signal) =>
      (await findSession(await database.sql(), id, signal))?.created_at.getTime(),
    ...(riskRank === undefined ? {} : { riskRank }),
  }
  const judge: Judge = createJudge({ limiter, facts, clock, logger })
  const signatures = createSignatureCheck({
    masters: options.signingKeys,
    appId,
    partners: options.partnerKeys ?? parsePartnerKeys(''),
    nonces: createNonces({ state, database, clock, logger }),
    ...(userKey === undefined ? {} : { userKey }),
    clock,
    publicHosts: options.publicHosts ?? [],
    publicBasePath: options.publicBasePath ?? '',
    explain: options.explainsSignatures ?? false,
  })
  const builtIn = builtInPolicies(options.limitFactor)
  const guard = createGuard({
    sessions,
    revocations,
    signatures,
    limiter,
    risk,
    judge,
    builtIn,
    signing: options.signing,
    hasUserKeys: userKey !== undefined,
    tenant: appId,
  })

  function app(name: string, routes: readonly Route[]): HttpApp {
    return createApp({
      name,
      logger,
      clock,
      tracer: options.tracer,
      ...(options.trustedHops === undefined ? {} : { trustedHops: options.trustedHops }),
      corsOrigins: options.corsOrigins ?? [],
      admit: guard.admit,
      routes,
      async warm(signal) {
        // Asking for the rules opens the state store, too, and loads them where there are any.
        await Promise.all([database.warm(signal), risk.inForce(() => {}, signal)])
      },
      async close() {
        await risk.close()
        await Promise.all([database.close(), state.close()])
      },
    })
  }

  return { accessTokens, revocations, sessions, signatures, limiter, builtIn, guard, app }
}
