import { backendSettings, wechatSettings } from '#shared/backend/backend-settings.ts'
import { openBackend, openWechat } from '#shared/backend/open-backend.ts'
import {
  fileSettings,
  openFileStorage,
  safetyChecks,
  storageSettings,
} from '#shared/backend/storage-settings.ts'
import { downstreamSettings, downstreamTargets, tellDownstream } from '#shared/backend/downstream.ts'
import { openPayments, paymentSettings } from '#shared/backend/payment-settings.ts'
import { subscribeSettings } from '#shared/backend/subscribe-templates.ts'
import { openSubscribers } from '#shared/backend/subscribe-target.ts'
import { tellAll } from '#shared/backend/tell-all.ts'
import { readEnv } from '#shared/config/read-env.ts'
import { sweepInbox } from '#shared/inbox/sweep-inbox.ts'
import { drain } from '#shared/outbox/drain.ts'
import { pollOrders } from '#shared/payments/poll-orders.ts'
import { pollRefunds } from '#shared/payments/poll-refunds.ts'
import { createReconcileApp } from './reconcile-app.ts'

const settings = readEnv(process.env, (read) => ({
  ...backendSettings(read),
  ...wechatSettings(read),
  ...storageSettings(read),
  ...fileSettings(read),
  payments: read.optional('WECHAT_PAY_MCH_ID', () => paymentSettings(read)),
  ...downstreamSettings(read),
  subscribe: subscribeSettings(read),
}))

const backend = openBackend('reconcile', settings)
const wechat = openWechat(backend, settings)

const { payments, webhook, retryWaitsS } = settings
const subscribers = openSubscribers(settings.subscribe, backend)
const targets = { ...downstreamTargets(webhook, backend.clock), ...subscribers.targets }
const outbox = { ...backend, targets, schedule: { waitsS: retryWaitsS } }
const polling = payments && {
  ...backend,
  provider: openPayments(payments, backend),
  tell: tellAll(tellDownstream(webhook, backend.clock), subscribers.tell),
}

export default createReconcileApp({
  ...settings,
  ...backend,
  storage: openFileStorage(settings),
  checks: safetyChecks(settings, wechat),
  // Orders first: what they bring is delivered at once.
  chores: {
    ...(polling === undefined
      ? {}
      : {
          orders: (signal: AbortSignal) => pollOrders(polling, signal),
          refunds: (signal: AbortSignal) => pollRefunds(polling, signal),
        }),
    outbox: (signal) => drain(outbox, signal),
    inbox: (signal) => sweepInbox(backend, signal),
  },
})
