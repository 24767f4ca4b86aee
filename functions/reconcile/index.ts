import { backendSettings, wechatSettings } from '#shared/backend/backend-settings.ts'
import { openBackend, openWechat } from '#shared/backend/open-backend.ts'
import { openOutbound, outboundSettings } from '#shared/backend/outbound-settings.ts'
import {
  fileSettings,
  openFileStorage,
  safetyChecks,
  storageSettings,
} from '#shared/backend/storage-settings.ts'
import { downstreamSettings, downstreamTargets, tellDownstream } from '#shared/backend/downstream.ts'
import { openProvider, optionalProviderSettings } from '#shared/backend/provider-settings.ts'
import { readEnv } from '#shared/config/read-env.ts'
import { drain } from '#shared/outbox/drain.ts'
import { pollOrders } from '#shared/payments/poll-orders.ts'
import { createReconcileApp } from './reconcile-app.ts'

const settings = readEnv(process.env, (read) => ({
  ...backendSettings(read),
  ...outboundSettings(read),
  ...wechatSettings(read),
  ...storageSettings(read),
  ...fileSettings(read),
  payments: optionalProviderSettings(read),
  ...downstreamSettings(read),
}))

const ports = openBackend('reconcile', settings)
const backend = { ...ports, outbound: openOutbound(settings, ports) }
const wechat = openWechat(backend, settings)

const { payments, retryWaitsS } = settings
const targets = downstreamTargets(settings, backend)
const outbox = { ...backend, targets, schedule: { waitsS: retryWaitsS } }
const polling = payments && {
  ...backend,
  ...openProvider(payments, backend),
  tell: tellDownstream(settings, backend.clock),
}

export default createReconcileApp({
  ...settings,
  ...backend,
  storage: openFileStorage(settings),
  checks: safetyChecks(settings, wechat),
  // Orders first: what they bring is delivered at once.
  chores: {
    ...(polling === undefined ? {} : { orders: (signal: AbortSignal) => pollOrders(polling, signal) }),
    outbox: (signal) => drain(outbox, signal),
  },
})
