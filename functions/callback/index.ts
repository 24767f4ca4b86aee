import { backendSettings } from '#shared/backend/backend-settings.ts'
import { openBackend } from '#shared/backend/open-backend.ts'
import { readEnv } from '#shared/config/read-env.ts'
import { createTakeMediaVerdict } from '#shared/files/take-media-verdict.ts'
import { parseTokenKeys } from '#shared/tokens/token-keys.ts'
import { createCallbackApp } from './callback-app.ts'
import { parsePushAesKey, parsePushToken } from './push-settings.ts'

const settings = readEnv(process.env, (read) => ({
  ...backendSettings(read),
  tokenKeys: read.parsed('TOKEN_KEYS', parseTokenKeys),
  pushToken: read.parsed('WECHAT_PUSH_TOKEN', parsePushToken),
  pushAesKey: read.optional('WECHAT_PUSH_AES_KEY', () => read.parsed('WECHAT_PUSH_AES_KEY', parsePushAesKey)),
}))

const backend = openBackend('callback', settings)

export default createCallbackApp({
  ...settings,
  ...backend,
  takeMediaVerdict: createTakeMediaVerdict(backend),
})
