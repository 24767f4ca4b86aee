import { backendSettings } from '#shared/backend/backend-settings.ts'
import { openBackend } from '#shared/backend/open-backend.ts'
import { openPayments, paymentSettings } from '#shared/backend/payment-settings.ts'
import { readEnv } from '#shared/config/read-env.ts'
import { parseTokenKeys } from '#shared/tokens/token-keys.ts'
import { createOrderApp } from './order-app.ts'

const settings = readEnv(process.env, (read) => ({
  ...backendSettings(read),
  ...paymentSettings(read),
  tokenKeys: read.parsed('TOKEN_KEYS', parseTokenKeys),
}))

const backend = openBackend('order', settings)

export default createOrderApp({ ...settings, ...backend, provider: openPayments(settings, backend) })
