import { backendSettings } from '#shared/backend/backend-settings.ts'
import { downstreamSettings, downstreamTargets, tellDownstream } from '#shared/backend/downstream.ts'
import { openBackend } from '#shared/backend/open-backend.ts'
import { openPayments, paymentSettings } from '#shared/backend/payment-settings.ts'
import { readEnv } from '#shared/config/read-env.ts'
import { drainTogether } from '#shared/outbox/drain-together.ts'
import { parseTokenKeys } from '#shared/tokens/token-keys.ts'
import { createOrderApp } from './order-app.ts'

const settings = readEnv(process.env, (read) => ({
  ...backendSettings(read),
  ...paymentSettings(read),
  ...downstreamSettings(read),
  refundsBy: read.oneOf('ORDER_REFUNDS_BY', ['owner', 'admin'], 'owner'),
  tokenKeys: read.parsed('TOKEN_KEYS', parseTokenKeys),
}))

const backend = openBackend('order', settings)

const { webhook, retryWaitsS } = settings
const targets = downstreamTargets(webhook, backend.clock)
const outbox = { ...backend, targets, schedule: { waitsS: retryWaitsS } }

export default createOrderApp({
  ...settings,
  ...backend,
  provider: openPayments(settings, backend),
  tell: tellDownstream(webhook, backend.clock),
  deliver: drainTogether(outbox),
})
