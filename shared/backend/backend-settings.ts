import type { Read } from '#shared/config/read-env.ts'
import { DATABASE_SCHEMES } from '#shared/db/open-database.ts'
import { SIGNING_MODES } from '#shared/guard/signature-demand.ts'
import { createTrustedHops } from '#shared/http/trusted-hops.ts'
import { parseKeyring } from '#shared/keyring.ts'
import { parsePartnerKeys } from '#shared/signing/partner-keys.ts'
import { checkedRedisUrl } from '#shared/state/redis-address.ts'
import { LOG_LEVELS } from '#shared/telemetry/logger.ts'
import { WECHAT_URL } from '#shared/wechat/wechat.ts'
import { outwardUrl } from './outward-url.ts'
import { traceSettings } from './trace-settings.ts'

const SWITCH = ['off', 'on'] as const

/** What every function reads from its environment. */
export function backendSettings(read: Read) {
  return {
    appId: read.text('WECHAT_APP_ID'),
    databaseUrl: read.url('DATABASE_URL', { schemes: DATABASE_SCHEMES }),
    poolSize: read.integer('DATABASE_POOL', { min: 1, max: 20, fallback: 2 }),
    redisUrl: read.optional('REDIS_URL', () => read.parsed('REDIS_URL', checkedRedisUrl)),
    issuer: read.text('TOKEN_ISSUER', 'xiaohan'),
    signingKeys: read.parsed('SIGNING_KEYS', parseKeyring),
    partnerKeys: read.optional('PARTNER_KEYS', () => read.parsed('PARTNER_KEYS', parsePartnerKeys)),
    signing: read.optional('SIGNING', () => read.oneOf('SIGNING', SIGNING_MODES, 'required')),
    explainsSignatures: read.oneOf('SIGNING_EXPLAIN', SWITCH, 'off') === 'on',
    publicHosts: read.list('PUBLIC_HOSTS'),
    publicBasePath: read.text('PUBLIC_BASE_PATH', ''),
    trustedHops: read.optional('TRUSTED_PROXIES', () => read.parsed('TRUSTED_PROXIES', hops)),
    limitFactor: read.integer('RATE_LIMIT_FACTOR', { min: 1, max: 10_000, fallback: 1 }),
    limitInstances: read.integer('RATE_LIMIT_INSTANCES', { min: 1, max: 10_000, fallback: 1 }),
    corsOrigins: read.list('CORS_ORIGINS'),
    logLevel: read.oneOf('LOG_LEVEL', LOG_LEVELS, 'info'),
    ...traceSettings(read),
  }
}

export type BackendSettings = ReturnType<typeof backendSettings>

/** What functions that talk to WeChat read besides. */
export function wechatSettings(read: Read) {
  return {
    appSecret: read.secret('WECHAT_APP_SECRET'),
    wechatUrl: outwardUrl(read, 'WECHAT_BASE_URL', WECHAT_URL),
    demandsUserKey: read.oneOf('SIGNING_USER_KEY', SWITCH, 'off') === 'on',
    asksRiskRank: read.oneOf('WECHAT_RISK_RANK', SWITCH, 'off') === 'on',
  }
}

export type WechatSettings = ReturnType<typeof wechatSettings>

function hops(text: string) {
  return createTrustedHops(text.split(',').map((entry) => entry.trim()))
}
