import { backendSettings } from '#shared/backend/backend-settings.ts'
import { openBackend } from '#shared/backend/open-backend.ts'
import { openOutbound, outboundSettings } from '#shared/backend/outbound-settings.ts'
import { downstreamSettings, downstreamTargets, tellDownstream } from '#shared/backend/downstream.ts'
import { paymentNoticeSettings } from '#shared/backend/payment-settings.ts'
import { readEnv } from '#shared/config/read-env.ts'
import { createTakeMediaVerdict } from '#shared/files/take-media-verdict.ts'
import { drain } from '#shared/outbox/drain.ts'
import { parseTokenKeys } from '#shared/tokens/token-keys.ts'
import { createCallbackApp } from './callback-app.ts'
import { parsePushAesKey, parsePushToken } from './push-settings.ts'

const settings = readEnv(process.env, (read) => ({
  ...backendSettings(read),
  ...outboundSettings(read),
  tokenKeys: read.parsed('TOKEN_KEYS', parseTokenKeys),
  pushToken: read.parsed('WECHAT_PUSH_TOKEN', parsePushToken),
  payments: read.optional('WECHAT_PAY_MCH_ID', () => paymentNoticeSettings(read)),
  ...downstreamSettings(read),
  pushAesKey: read.optional('WECHAT_PUSH_AES_KEY', () => read.parsed('WECHAT_PUSH_AES_KEY', parsePushAesKey)),
}))

const ports = openBackend('callback', settings)
const backend = { ...ports, outbound: openOutbound(settings, ports) }

const { payments, retryWaitsS } = settings
const targets = downstreamTargets(settings, backend)
const outbox = { ...backend, targets, schedule: { waitsS: retryWaitsS } }

const telling = {
  tell: tellDownstream(settings, backend.clock),
  deliver: (signal: AbortSignal) => drain(outbox, signal),
}

export default createCallbackApp({
  ...settings,
  ...backend,
  payments: payments && { ...payments, apiKey: payments.payApiKey, ...telling },
  partners: telling,
  takeMediaVerdict: createTakeMediaVerdict(backend),
})
