import { backendSettings, wechatSettings } from '#shared/backend/backend-settings.ts'
import { openBackend, openWechat } from '#shared/backend/open-backend.ts'
import { openOutbound, outboundSettings } from '#shared/backend/outbound-settings.ts'
import { createRiskRank } from '#shared/backend/risk-rank.ts'
import { createUserKey } from '#shared/backend/user-key.ts'
import { readEnv } from '#shared/config/read-env.ts'
import { parseKeyring } from '#shared/keyring.ts'
import { parseSigningTokenKeys } from '#shared/tokens/token-keys.ts'
import { createLoginApp } from './login-app.ts'

const settings = readEnv(process.env, (read) => ({
  ...backendSettings(read),
  ...outboundSettings(read),
  ...wechatSettings(read),
  tokenKeys: read.parsed('TOKEN_KEYS', parseSigningTokenKeys),
  dataKeys: read.parsed('DATA_KEYS', parseKeyring),
  adminOpenids: read.list('ADMIN_OPENIDS'),
}))

const ports = openBackend('login', settings)
const backend = { ...ports, outbound: openOutbound(settings, ports) }
const wechat = openWechat(backend, settings)

export default createLoginApp({
  ...settings,
  ...backend,
  exchange: wechat.codeExchange,
  ...(settings.asksRiskRank ? { riskRank: createRiskRank(backend, wechat) } : {}),
  ...(settings.demandsUserKey ? { userKey: createUserKey({ ...settings, ...backend }, wechat) } : {}),
})
