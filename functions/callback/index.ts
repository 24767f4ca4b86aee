import { backendSettings } from '#shared/backend/backend-settings.ts'
import { openBackend } from '#shared/backend/open-backend.ts'
import { downstreamSettings, downstreamTargets, tellDownstream } from '#shared/backend/downstream.ts'
import { paymentNoticeSettings } from '#shared/backend/payment-settings.ts'
import { subscribeSettings } from '#shared/backend/subscribe-templates.ts'
import { openSubscribers } from '#shared/backend/subscribe-target.ts'
import { tellAll } from '#shared/backend/tell-all.ts'
import { readEnv } from '#shared/config/read-env.ts'
import { createTakeMediaVerdict } from '#shared/files/take-media-verdict.ts'
import { drainTogether } from '#shared/outbox/drain-together.ts'
import { parseTokenKeys } from '#shared/tokens/token-keys.ts'
import { createCallbackApp } from './callback-app.ts'
import { parsePushAesKey, parsePushToken } from './push-settings.ts'

const settings = readEnv(process.env, (read) => ({
  ...backendSettings(read),
  tokenKeys: read.parsed('TOKEN_KEYS', parseTokenKeys),
  pushToken: read.parsed('WECHAT_PUSH_TOKEN', parsePushToken),
  payments: read.optional('WECHAT_PAY_MCH_ID', () => paymentNoticeSettings(read)),
  ...downstreamSettings(read),
  subscribe: subscribeSettings(read),
  pushAesKey: read.optional('WECHAT_PUSH_AES_KEY', () => read.parsed('WECHAT_PUSH_AES_KEY', parsePushAesKey)),
}))

const backend = openBackend('callback', settings)

const { payments, webhook, retryWaitsS } = settings
const subscribers = openSubscribers(settings.subscribe, backend)
const targets = { ...downstreamTargets(webhook, backend.clock), ...subscribers.targets }
const outbox = { ...backend, targets, schedule: { waitsS: retryWaitsS } }

export default createCallbackApp({
  ...settings,
  ...backend,
  payments: payments && {
    ...payments,
    apiKey: payments.payApiKey,
    tell: tellAll(tellDownstream(webhook, backend.clock), subscribers.tell),
    deliver: drainTogether(outbox),
  },
  takeMediaVerdict: createTakeMediaVerdict(backend),
})
