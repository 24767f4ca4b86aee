import { backendSettings, wechatSettings } from '#shared/backend/backend-settings.ts'
import { openBackend, openWechat } from '#shared/backend/open-backend.ts'
import { openOutbound, outboundSettings } from '#shared/backend/outbound-settings.ts'
import { createRiskRank } from '#shared/backend/risk-rank.ts'
import { openFileStorage, storageSettings } from '#shared/backend/storage-settings.ts'
import { createUserKey } from '#shared/backend/user-key.ts'
import { readEnv } from '#shared/config/read-env.ts'
import { parseKey, parseKeyring } from '#shared/keyring.ts'
import { parseTokenKeys } from '#shared/tokens/token-keys.ts'
import { createUserApp } from './user-app.ts'

const settings = readEnv(process.env, (read) => ({
  ...backendSettings(read),
  ...outboundSettings(read),
  ...wechatSettings(read),
  ...storageSettings(read),
  tokenKeys: read.parsed('TOKEN_KEYS', parseTokenKeys),
  dataKeys: read.parsed('DATA_KEYS', parseKeyring),
  indexKey: read.parsed('INDEX_KEY', parseKey),
}))

const ports = openBackend('user', settings)
const backend = { ...ports, outbound: openOutbound(settings, ports) }
const wechat = openWechat(backend, settings)

export default createUserApp({
  ...settings,
  ...backend,
  storage: openFileStorage(settings),
  wechat,
  ...(settings.asksRiskRank ? { riskRank: createRiskRank(backend, wechat) } : {}),
  ...(settings.demandsUserKey ? { userKey: createUserKey({ ...settings, ...backend }, wechat) } : {}),
})
