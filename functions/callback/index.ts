import { backendSettings } from '#shared/backend/backend-settings.ts'
import { newsSettings, openNews } from '#shared/backend/news.ts'
import { openBackend } from '#shared/backend/open-backend.ts'
import { openOutbound, outboundSettings } from '#shared/backend/outbound-settings.ts'
import { OF_A_MERCHANT, paymentNoticeSettings } from '#shared/backend/payment-settings.ts'
import { readEnv } from '#shared/config/read-env.ts'
import { createTakeMediaVerdict } from '#shared/files/take-media-verdict.ts'
import { parseTokenKeys } from '#shared/tokens/token-keys.ts'
import { createCallbackApp } from './callback-app.ts'
import { parsePushAesKey, parsePushToken } from './push-settings.ts'

const settings = readEnv(process.env, (read) => ({
  ...backendSettings(read),
  ...outboundSettings(read),
  ...newsSettings(read),
  tokenKeys: read.parsed('TOKEN_KEYS', parseTokenKeys),
  pushToken: read.parsed('WECHAT_PUSH_TOKEN', parsePushToken),
  pushAesKey: read.optional('WECHAT_PUSH_AES_KEY', () => read.parsed('WECHAT_PUSH_AES_KEY', parsePushAesKey)),
  payments: read.optional('WECHAT_PAY_MCH_ID', paymentNoticeSettings, OF_A_MERCHANT),
}))

const ports = openBackend('callback', settings)
const backend = { ...ports, outbound: openOutbound(settings, ports) }

const { payments } = settings
const news = openNews(settings, backend)

export default createCallbackApp({
  ...settings,
  ...backend,
  payments: payments && { ...payments, apiKey: payments.payApiKey, ...news },
  partners: news,
  takeMediaVerdict: createTakeMediaVerdict(backend),
})
