import { backendSettings } from '#shared/backend/backend-settings.ts'
import { newsSettings, openNews } from '#shared/backend/news.ts'
import { openBackend } from '#shared/backend/open-backend.ts'
import { openOutbound, outboundSettings } from '#shared/backend/outbound-settings.ts'
import { openProvider, providerSettings } from '#shared/backend/provider-settings.ts'
import { readEnv } from '#shared/config/read-env.ts'
import { parseTokenKeys } from '#shared/tokens/token-keys.ts'
import { createOrderApp } from './order-app.ts'

const settings = readEnv(process.env, (read) => ({
  ...backendSettings(read),
  ...outboundSettings(read),
  ...newsSettings(read),
  payments: providerSettings(read),
  refundsBy: read.oneOf('ORDER_REFUNDS_BY', ['owner', 'admin'], 'owner'),
  pollAfterMs: 1_000 * read.integer('ORDER_POLL_S', { min: 1, max: 3_600, fallback: 60 }),
  tokenKeys: read.parsed('TOKEN_KEYS', parseTokenKeys),
}))

const ports = openBackend('order', settings)
const backend = { ...ports, outbound: openOutbound(settings, ports) }

export default createOrderApp({
  ...settings,
  ...backend,
  provider: openProvider(settings.payments, backend),
  ...openNews(settings, backend),
})
