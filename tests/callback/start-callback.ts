import { type CallbackOptions, createCallbackApp } from '#functions/callback/callback-app.ts'
import type { PushTarget } from '#scripts/emulator/wechat/push-request.ts'
import { startWechat, type WechatStandIn } from '#scripts/emulator/wechat/start-wechat.ts'
import { generateSecrets } from '#scripts/keys/generate-secrets.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import type { MediaVerdict } from '#shared/files/media-verdict.ts'
import type { App } from '#shared/http/app.ts'
import { parseKeyring } from '#shared/keyring.ts'
import { createInstance } from '#shared/runtime/instance.ts'
import { local } from '#shared/runtime/local.ts'
import { secret } from '#shared/secret.ts'
import { parsePartnerKeys } from '#shared/signing/partner-keys.ts'
import type { Signer } from '#shared/signing/sign-request.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { parseTokenKeys } from '#shared/tokens/token-keys.ts'
import { memoryState } from '#tests/fakes/memory-state.ts'
import { required } from '#tests/services/servers.ts'
import { testDatabase } from '#tests/services/test-database.ts'

const { listen } =
  'Bun' in globalThis ? await import('#shared/runtime/bun.ts') : await import('#shared/runtime/node.ts')

export const APP_ID = 'wx5a1b2c3d4e5f6071'
const APP_SECRET = '9f8e7d6c5b4a39281706f5e4d3c2b1a0'
const PATH = '/api/v1/callback/wechat-message'

/** The callback function behind a port of its own, and WeChat that pushes to it. */
export interface CallbackSetting {
  /** With the key of the message push, and without. */
  readonly sealed: Served
  readonly plain: Served
  readonly wechat: WechatStandIn
  readonly token: string
  readonly aesKey: string
  /** Signs as a partner that the function knows. */
  readonly partner: Signer
  /** What was taken so far. */
  readonly verdicts: MediaVerdict[]
  /** What the next verdicts meet instead of being taken. */
  failures: unknown[]
  /** Log lines so far. */
  readonly log: string[]
  /** The log line of the first such event. */
  logged(event: string): unknown
  /** Points WeChat at one of the functions. */
  pushTo(served: Served, how: Pick<PushTarget, 'mode' | 'format'>): void
  close(): Promise<void>
}

export interface Served {
  readonly app: App
  readonly url: string
}

export async function startCallback(): Promise<CallbackSetting> {
  const log: string[] = []
  const [test, wechat] = await Promise.all([
    testDatabase('postgres'),
    startWechat({ appId: APP_ID, secret: APP_SECRET, pushPauseMs: 0, mediaCheckMs: 0 }),
  ])
  const clock = Date.now
  const database = openDatabase({ url: new URL(test.url), poolSize: 2, clock })
  const state = memoryState({ clock })
  const keys = generateSecrets()
  const { WECHAT_PUSH_TOKEN: token, WECHAT_PUSH_AES_KEY: aesKey } = keys
  const partnerKeys = parsePartnerKeys(keys.PARTNER_KEYS)
  const options: CallbackOptions = {
    appId: APP_ID,
    issuer: 'xiaohan',
    tokenKeys: parseTokenKeys(keys.TOKEN_KEYS),
    signingKeys: parseKeyring(keys.SIGNING_KEYS),
    partnerKeys,
    database,
    state,
    clock,
    logger: createLogger({ level: 'debug', write: (line) => log.push(line) }),
    pushToken: secret(token),
    async takeMediaVerdict(verdict) {
      const failure = setting.failures.shift()
      if (failure !== undefined) throw failure
      setting.verdicts.push(verdict)
      return async () => {}
    },
  }
  const sealed = await serve(createCallbackApp({ ...options, pushAesKey: secret(aesKey) }))
  const plain = await serve(createCallbackApp(options))

  const setting: CallbackSetting = {
    sealed,
    plain,
    wechat,
    token,
    aesKey,
    partner: required(partnerKeys.all[0]),
    verdicts: [],
    failures: [],
    log,
    logged: (event) =>
      log.map((line): { event?: string } => JSON.parse(line)).find((line) => line.event === event),
    pushTo: ({ url }, how) => wechat.control.pushTo({ url, token, encodingAesKey: aesKey, ...how }),
    async close() {
      await Promise.all([wechat.stop(), sealed.stop(), plain.stop(), database.close(), state.close()])
      await test.close()
    },
  }
  return setting
}

async function serve(app: App) {
  const logger = createLogger({ level: 'error' })
  const instance = createInstance(app, { contract: local, isEventFunction: false, logger, print: () => {} })
  const server = await listen({ instance, hostname: '127.0.0.1', port: 0 })
  return { app, url: `http://127.0.0.1:${server.port}${PATH}`, stop: () => server.stop() }
}
