import { systemClock } from '#shared/clock.ts'
import { readEnv } from '#shared/config/read-env.ts'
import { DATABASE_SCHEMES, openDatabase } from '#shared/db/open-database.ts'
import { rawQueries } from '#shared/db/raw-queries.ts'
import { parseKeyring } from '#shared/keyring.ts'
import { openState } from '#shared/state/open-state.ts'
import { checkedRedisUrl } from '#shared/state/redis-address.ts'
import { createLogger, LOG_LEVELS } from '#shared/telemetry/logger.ts'
import { parseSigningTokenKeys } from '#shared/tokens/token-keys.ts'
import { createWechat, WECHAT_URL } from '#shared/wechat/wechat.ts'
import { createLoginApp } from './login-app.ts'

const settings = readEnv(process.env, (read) => ({
  appId: read.text('WECHAT_APP_ID'),
  appSecret: read.secret('WECHAT_APP_SECRET'),
  wechatUrl: read.url('WECHAT_BASE_URL', { schemes: ['https', 'http'], fallback: WECHAT_URL }),
  databaseUrl: read.url('DATABASE_URL', { schemes: DATABASE_SCHEMES }),
  poolSize: read.integer('DATABASE_POOL', { min: 1, max: 20, fallback: 2 }),
  redisUrl: read.optional('REDIS_URL', () => read.parsed('REDIS_URL', checkedRedisUrl)),
  tokenKeys: read.parsed('TOKEN_KEYS', parseSigningTokenKeys),
  dataKeys: read.parsed('DATA_KEYS', parseKeyring),
  signingKeys: read.parsed('SIGNING_KEYS', parseKeyring),
  issuer: read.text('TOKEN_ISSUER', 'xiaohan'),
  adminOpenids: read.list('ADMIN_OPENIDS'),
  corsOrigins: read.list('CORS_ORIGINS'),
  logLevel: read.oneOf('LOG_LEVEL', LOG_LEVELS, 'info'),
}))

const clock = systemClock
const logger = createLogger({ level: settings.logLevel, fields: { function: 'login' } })
const database = openDatabase({ url: settings.databaseUrl, poolSize: settings.poolSize, clock })
const postgres = database.dialect === 'postgres' ? rawQueries(database) : undefined
const state = openState({ redisUrl: settings.redisUrl, postgres })
const wechat = createWechat({
  baseUrl: settings.wechatUrl,
  appId: settings.appId,
  secret: settings.appSecret,
  state,
  logger,
  clock,
})

export default createLoginApp({ ...settings, database, state, exchange: wechat.codeExchange, clock, logger })
