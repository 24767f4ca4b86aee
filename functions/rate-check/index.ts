import { backendSettings } from '#shared/backend/backend-settings.ts'
import { openBackend } from '#shared/backend/open-backend.ts'
import { readEnv } from '#shared/config/read-env.ts'
import { parseTokenKeys } from '#shared/tokens/token-keys.ts'
import { createRateCheckApp } from './rate-check-app.ts'

const settings = readEnv(process.env, (read) => ({
  ...backendSettings(read),
  tokenKeys: read.parsed('TOKEN_KEYS', parseTokenKeys),
}))

export default createRateCheckApp({ ...settings, ...openBackend('rate-check', settings) })
