import type { BackendOptions } from '#shared/backend/create-backend.ts'
import { createLoginApp } from '#functions/login/login-app.ts'
import { createUploadApp, type UploadOptions } from '#functions/upload/upload-app.ts'
import { createRateCheckApp } from '#functions/rate-check/rate-check-app.ts'
import { createReconcileApp } from '#functions/reconcile/reconcile-app.ts'
import { createUserApp } from '#functions/user/user-app.ts'
import { startWechat, type WechatStandIn } from '#scripts/emulator/wechat/start-wechat.ts'
import { generateSecrets } from '#scripts/keys/generate-secrets.ts'
import type { Dialect } from '#shared/db/database.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import type { App } from '#shared/http/app.ts'
import { parseKey, parseKeyring } from '#shared/keyring.ts'
import { createOutbound, type Outbound } from '#shared/outbound/outbound.ts'
import { secret } from '#shared/secret.ts'
import { parsePartnerKeys } from '#shared/signing/partner-keys.ts'
import type { Signer } from '#shared/signing/sign-request.ts'
import type { ObjectStore } from '#shared/storage/object-store.ts'
import type { MediaVerdict } from '#shared/files/media-verdict.ts'
import { createTakeMediaVerdict } from '#shared/files/take-media-verdict.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { parseTokenKeys } from '#shared/tokens/token-keys.ts'
import { createWechat } from '#shared/wechat/wechat.ts'
import { type MemoryState, memoryState } from '#tests/fakes/memory-state.ts'
import { callApp, type TestAnswer, type TestCall, testInvocation } from '#tests/invocation.ts'
import { required } from '#tests/services/servers.ts'
import { type TestStorage, testStorage, type Vendor } from '#tests/services/test-storage.ts'
import { testDatabase } from '#tests/services/test-database.ts'

export const APP_ID = 'wx5a1b2c3d4e5f6071'
const APP_SECRET = '9f8e7d6c5b4a39281706f5e4d3c2b1a0'

/** Every function that has routes of its own over a real database and the WeChat stand-in, with a clock that tests turn. */
export interface Backend {
  readonly login: App
  readonly user: App
  readonly rateCheck: App
  readonly upload: App
  readonly reconcile: App
  /** What a function that is not among these is made of. */
  readonly parts: BackendOptions
  /** What the callback function does with a verdict that WeChat pushes. */
  takeMediaVerdict(verdict: MediaVerdict, signal: AbortSignal): Promise<void>
  /** The bucket, and the server behind it. */
  readonly storage: ObjectStore
  readonly store: TestStorage['server']
  readonly outbound: Outbound
  readonly wechat: WechatStandIn
  /** Signs as the partner that everybody knows. */
  readonly partner: Signer
  readonly state: MemoryState
  readonly database: ReturnType<typeof openDatabase>
  readonly databaseUrl: URL
  /** All log lines so far. */
  readonly log: string[]
  readonly now: () => number
  advance(ms: number): void
  /** Calls the function that the path belongs to. */
  call(path: string, call?: TestCall): Promise<TestAnswer>
  /** What the timer does again and again: reconcile's event. */
  tick(): Promise<void>
  /** Resolves when the work that calls left in the background is done. */
  settled(): Promise<void>
  /** Signs `name` in and gives the data of the answer. */
  signIn(name: string): Promise<SignedIn>
  close(): Promise<void>
}

export interface SignedIn {
  readonly accessToken: string
  readonly refreshToken: string
  readonly signing: { readonly kid: string; readonly key: string }
  readonly user: { readonly id: string; readonly roles: readonly string[] }
}

export interface TestBackendOptions {
  readonly dialect?: Dialect
  /** Names whose openids are admins. */
  readonly admins?: readonly string[]
  /** How functions guard their routes; without signatures and with large limits unless given. */
  readonly guard?: Partial<BackendOptions>
  /** How the upload function works; without any check of contents unless given. */
  readonly upload?: Partial<UploadOptions>
  /** Whether pictures and recordings wait for WeChat's word. */
  readonly checksMedia?: boolean
  /** Whose protocol the bucket speaks; S3 unless given. */
  readonly vendor?: Vendor
}

/** For tests of what stands behind the guard. */
const UNGUARDED: Partial<BackendOptions> = { signing: 'off', limitFactor: 1_000 }

export async function startBackend({
  dialect = 'postgres',
  admins = [],
  guard = UNGUARDED,
  upload: uploading = {},
  checksMedia = false,
  vendor = 's3',
}: TestBackendOptions = {}): Promise<Backend> {
  let nowMs = Date.UTC(2026, 10, 23, 12)
  const clock = () => nowMs
  const log: string[] = []
  const [test, wechat, bucket] = await Promise.all([
    testDatabase(dialect),
    startWechat({ appId: APP_ID, secret: APP_SECRET, clock }),
    testStorage(clock, vendor),
  ])
  const database = openDatabase({ url: new URL(test.url), poolSize: 2, clock })
  const state = memoryState({ clock })
  const logger = createLogger({ level: 'debug', clock, write: (line) => log.push(line) })
  const app = { baseUrl: wechat.url, appId: APP_ID, secret: secret(APP_SECRET) }
  const outbound = createOutbound({ logger, clock })
  const client = createWechat({ ...app, outbound, state, logger, clock, timeoutMs: 1_000 })
  const keys = generateSecrets()
  const partnerKeys = parsePartnerKeys(keys.PARTNER_KEYS)
  const background: Promise<unknown>[] = []
  const parts = {
    ...guard,
    partnerKeys,
    appId: APP_ID,
    adminOpenids: admins.map((name) => wechat.control.mintLoginCode(name).openid),
    issuer: 'xiaohan',
    tokenKeys: parseTokenKeys(keys.TOKEN_KEYS),
    dataKeys: parseKeyring(keys.DATA_KEYS),
    signingKeys: parseKeyring(keys.SIGNING_KEYS),
    indexKey: parseKey(keys.INDEX_KEY),
    database,
    state,
    clock,
    logger,
  }
  const login = createLoginApp({ ...parts, exchange: client.codeExchange })
  const { storage } = bucket
  const user = createUserApp({ ...parts, storage, wechat: client })
  const rateCheck = createRateCheckApp(parts)
  const quota = { bytes: 5_000_000_000, files: 1_000 }
  const checks = { ...uploading.checks, ...(checksMedia ? { checkMedia: client.checkMedia } : {}) }
  const files = { ...parts, storage, quota, download: 'stream', ...uploading, checks } as const
  const upload = createUploadApp(files)
  const reconcile = createReconcileApp({ ...files, clock, logger, chores: {} })

  const take = createTakeMediaVerdict({ database, clock, logger })

  function call(path: string, options: TestCall = {}): Promise<TestAnswer> {
    const waitUntil = (work: Promise<unknown>) => void background.push(work)
    const invocation = { deadline: nowMs + 10_000, waitUntil, ...options.invocation }
    return callApp(appOf(path), `/api/v1${path}`, { ...options, invocation })
  }

  function appOf(path: string): App {
    if (path.startsWith('/rate-check')) return rateCheck
    if (/^\/(upload|files|tus)/.test(path)) return upload
    return /^\/(login|logout|keys)/.test(path) ? login : user
  }

  return {
    login,
    user,
    rateCheck,
    upload,
    reconcile,
    parts,
    async takeMediaVerdict(verdict, signal) {
      const sql = await database.sql()
      const afterCommit = await sql
        .transaction()
        .execute((own) => take(verdict, { sql: own, dialect: database.dialect }, signal))
      await afterCommit(signal)
    },
    storage,
    store: bucket.server,
    outbound,
    wechat,
    state,
    database,
    databaseUrl: test.url,
    log,
    now: clock,
    advance: (ms) => {
      nowMs += ms
    },
    call,
    partner: { ...required(partnerKeys.all[0]), clock },
    async tick() {
      const event = { specversion: '1.0', id: 'tick', source: '/test', type: 'timer' } as const
      await reconcile.event?.(event, testInvocation())
    },
    async settled() {
      await Promise.all(background)
    },
    async signIn(name) {
      const { code } = wechat.control.mintLoginCode(name)
      const { body } = await call('/login', { body: { code } })
      if (body.code !== 0) throw new TypeError(`Cannot sign in ${name}: ${JSON.stringify(body)}`)
      return body.data
    },
    async close() {
      await Promise.all([database.close(), state.close(), wechat.stop(), bucket.stop()])
      await test.close()
    },
  }
}
