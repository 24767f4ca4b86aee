import { backendSettings, wechatSettings } from '#shared/backend/backend-settings.ts'
import { openBackend, openWechat } from '#shared/backend/open-backend.ts'
import { openOutbound, outboundSettings } from '#shared/backend/outbound-settings.ts'
import {
  fileSettings,
  openFileStorage,
  safetyChecks,
  storageSettings,
} from '#shared/backend/storage-settings.ts'
import { readEnv } from '#shared/config/read-env.ts'
import { parseKeyring } from '#shared/keyring.ts'
import { parseTokenKeys } from '#shared/tokens/token-keys.ts'
import { createUploadApp } from './upload-app.ts'

const settings = readEnv(process.env, (read) => ({
  ...backendSettings(read),
  ...outboundSettings(read),
  ...wechatSettings(read),
  ...storageSettings(read),
  ...fileSettings(read),
  tokenKeys: read.parsed('TOKEN_KEYS', parseTokenKeys),
  dataKeys: read.parsed('DATA_KEYS', parseKeyring),
  download: read.oneOf('FILES_DOWNLOAD', ['redirect', 'stream'], 'redirect'),
}))

const ports = openBackend('upload', settings)
const backend = { ...ports, outbound: openOutbound(settings, ports) }
const wechat = openWechat(backend, settings)

export default createUploadApp({
  ...settings,
  ...backend,
  storage: openFileStorage(settings),
  checks: safetyChecks(settings, wechat),
})
