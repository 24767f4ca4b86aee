import { backendSettings, wechatSettings } from '#shared/backend/backend-settings.ts'
import { newsSettings, openNews } from '#shared/backend/news.ts'
import { openBackend, openWechat } from '#shared/backend/open-backend.ts'
import { openOutbound, outboundSettings } from '#shared/backend/outbound-settings.ts'
import { openProvider, optionalProviderSettings } from '#shared/backend/provider-settings.ts'
import {
  fileSettings,
  openFileStorage,
  safetyChecks,
  storageSettings,
} from '#shared/backend/storage-settings.ts'
import { readEnv } from '#shared/config/read-env.ts'
import { sweepInbox } from '#shared/inbox/sweep-inbox.ts'
import { sweepOutbox } from '#shared/outbox/sweep-outbox.ts'
import { pollOrders } from '#shared/payments/poll-orders.ts'
import { pollRefunds } from '#shared/payments/poll-refunds.ts'
import { type Chore, createReconcileApp } from './reconcile-app.ts'

const settings = readEnv(process.env, (read) => ({
  ...backendSettings(read),
  ...outboundSettings(read),
  ...wechatSettings(read),
  ...storageSettings(read),
  ...fileSettings(read),
  ...newsSettings(read),
  payments: optionalProviderSettings(read),
}))

const ports = openBackend('reconcile', settings)
const backend = { ...ports, outbound: openOutbound(settings, ports) }
const wechat = openWechat(backend, settings)

const { payments } = settings
const { tell, drain } = openNews(settings, backend)

export default createReconcileApp({
  ...settings,
  ...backend,
  storage: openFileStorage(settings),
  checks: safetyChecks(settings, wechat),
  // Orders first: what they bring is delivered at once.
  chores: {
    ...(payments === undefined ? {} : paymentChores(payments)),
    outbox: drain,
    inbox: (signal) => sweepInbox(backend, signal),
    told: (signal) => sweepOutbox(backend, signal),
  },
})

function paymentChores(own: typeof payments & object): Readonly<Record<string, Chore>> {
  const polling = { ...backend, provider: openProvider(own, backend), tell }
  return {
    orders: (signal) => pollOrders(polling, signal),
    refunds: (signal) => pollRefunds(polling, signal),
  }
}
