import { backendSettings, wechatSettings } from '#shared/backend/backend-settings.ts'
import { openBackend, openWechat } from '#shared/backend/open-backend.ts'
import {
  fileSettings,
  openFileStorage,
  safetyChecks,
  storageSettings,
} from '#shared/backend/storage-settings.ts'
import { readEnv } from '#shared/config/read-env.ts'
import { createReconcileApp } from './reconcile-app.ts'

const settings = readEnv(process.env, (read) => ({
  ...backendSettings(read),
  ...wechatSettings(read),
  ...storageSettings(read),
  ...fileSettings(read),
}))

const backend = openBackend('reconcile', settings)
const wechat = openWechat(backend, settings)

export default createReconcileApp({
  ...settings,
  ...backend,
  storage: openFileStorage(settings),
  checks: safetyChecks(settings, wechat),
})
