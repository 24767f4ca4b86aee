// Runs in a process of its own: node|bun tests/payments/kills/doomed-callback.ts <settings as JSON>
// The callback function, which kills itself at the step that a request names.
import { createCallbackApp } from '#functions/callback/callback-app.ts'
import { generateSecrets } from '#scripts/keys/generate-secrets.ts'
import { downstreamTargets, tellDownstream } from '#shared/backend/downstream.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import { parseKeyring } from '#shared/keyring.ts'
import { createOutbound } from '#shared/outbound/outbound.ts'
import { drainTogether } from '#shared/outbox/drain-together.ts'
import { secret } from '#shared/secret.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import type { Tracer } from '#shared/telemetry/tracer.ts'
import { parseTokenKeys } from '#shared/tokens/token-keys.ts'
import { parsePlatformKeys } from '#shared/wechat-pay/platform-keys.ts'
import { memoryState } from '#tests/fakes/memory-state.ts'
import { serveApp } from '#tests/upload/serve-app.ts'
import { STEP_HEADER } from './die-at-step.ts'

export interface DoomedSettings {
  readonly databaseUrl: string
  readonly webhookUrl: string
  /** In base64. */
  readonly webhookKey: string
  readonly appId: string
  readonly mchId: string
  readonly apiKey: string
  readonly platformKeys: string
}

const settings = JSON.parse(process.argv[2] ?? '{}') as DoomedSettings // written by the test
let step = 0
let lastStep = Infinity

/** The step that it stands for is the last one this process sees. */
function pass(): Promise<void> {
  step += 1
  if (step < lastStep) return Promise.resolve()
  process.kill(process.pid, 'SIGKILL')
  return new Promise(() => {})
}

const steps: Tracer = {
  async span(_name, _attributes, work) {
    await pass()
    const result = await work({ set: () => {}, traceparent: undefined })
    await pass()
    return result
  },
}

const clock = Date.now
const logger = createLogger({ level: 'error' })
const database = openDatabase({ url: new URL(settings.databaseUrl), poolSize: 2, clock, tracer: steps })
const webhook = { url: new URL(settings.webhookUrl), key: Buffer.from(settings.webhookKey, 'base64') }
const outbound = createOutbound({ logger, clock })
const targets = downstreamTargets({ webhook }, { clock, outbound })
const secrets = generateSecrets()
const outbox = { database, clock, logger, targets, schedule: { waitsS: [10, 60] }, tracer: steps }

const app = createCallbackApp({
  appId: settings.appId,
  issuer: 'xiaohan',
  tokenKeys: parseTokenKeys(secrets.TOKEN_KEYS),
  signingKeys: parseKeyring(secrets.SIGNING_KEYS),
  database,
  state: memoryState({ clock }),
  clock,
  logger,
  pushToken: secret('none'),
  takeMediaVerdict: async () => async () => {},
  payments: {
    mchId: settings.mchId,
    platformKeys: parsePlatformKeys(settings.platformKeys),
    apiKey: secret(settings.apiKey),
    tell: tellDownstream({ webhook }, clock),
    deliver: drainTogether(outbox),
  },
})

const { url } = await serveApp(
  {
    ...app,
    fetch(request, invocation) {
      step = 0
      lastStep = Number(request.headers.get(STEP_HEADER) ?? Infinity)
      return app.fetch(request, invocation)
    },
  },
  clock,
)
console.log(url)
process.stdin.resume().on('end', () => process.exit()) // with its parent
