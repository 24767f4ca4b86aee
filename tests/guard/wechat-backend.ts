import { createLoginApp } from '#functions/login/login-app.ts'
import { createUserApp } from '#functions/user/user-app.ts'
import { startWechat, type WechatStandIn } from '#scripts/emulator/wechat/start-wechat.ts'
import { generateSecrets } from '#scripts/keys/generate-secrets.ts'
import { createRiskRank } from '#shared/backend/risk-rank.ts'
import { createUserKey } from '#shared/backend/user-key.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import { parseKey, parseKeyring } from '#shared/keyring.ts'
import { createRulebook, type SetChange } from '#shared/risk/rulebook.ts'
import { createOutbound } from '#shared/outbound/outbound.ts'
import { secret } from '#shared/secret.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { parseTokenKeys } from '#shared/tokens/token-keys.ts'
import { createWechat } from '#shared/wechat/wechat.ts'
import { APP_ID, type SignedIn } from '#tests/backend.ts'
import { memoryState } from '#tests/fakes/memory-state.ts'
import { callApp, type TestAnswer, type TestCall } from '#tests/invocation.ts'
import { absentStorage } from '#tests/services/test-storage.ts'
import { testDatabase } from '#tests/services/test-database.ts'

const APP_SECRET = '0f1e2d3c4b5a69788796a5b4c3d2e1f0'
const ADMIN = {
  actorId: '0190a0a0-0000-7000-8000-00000000000a',
  ip: '203.0.113.9',
  requestId: 'admin-request',
}
const { signal } = new AbortController()

/** The login and the user function of a deployment that asks WeChat for user keys and risk ranks. */
export interface WechatBackend {
  readonly wechat: WechatStandIn
  readonly log: readonly string[]
  readonly now: () => number
  advance(ms: number): void
  call(path: string, call?: TestCall): Promise<TestAnswer>
  /** POST /login with a fresh code of the person. */
  logIn(name: string): Promise<TestAnswer>
  /** The data of that answer. */
  signIn(name: string): Promise<SignedIn>
  publish(change: SetChange): Promise<unknown>
  close(): Promise<void>
}

export async function startWechatBackend(): Promise<WechatBackend> {
  let nowMs = Date.UTC(2026, 10, 23, 12)
  const clock = () => nowMs
  const log: string[] = []
  const [test, wechat] = await Promise.all([
    testDatabase('postgres'),
    startWechat({ appId: APP_ID, secret: APP_SECRET, clock }),
  ])
  const database = openDatabase({ url: new URL(test.url), poolSize: 2, clock })
  const state = memoryState({ clock })
  const logger = createLogger({ level: 'debug', clock, write: (line) => log.push(line) })
  const ports = { database, state, clock, logger }
  const app = { baseUrl: wechat.url, appId: APP_ID, secret: secret(APP_SECRET), timeoutMs: 1_000 }
  const client = createWechat({ ...app, ...ports, outbound: createOutbound(ports) })
  const keys = generateSecrets()
  const dataKeys = parseKeyring(keys.DATA_KEYS)
  const parts = {
    ...ports,
    appId: APP_ID,
    issuer: 'xiaohan',
    adminOpenids: [],
    tokenKeys: parseTokenKeys(keys.TOKEN_KEYS),
    dataKeys,
    signingKeys: parseKeyring(keys.SIGNING_KEYS),
    indexKey: parseKey(keys.INDEX_KEY),
    riskRank: createRiskRank(ports, client),
    userKey: createUserKey({ database, dataKeys }, client),
  }
  const login = createLoginApp({ ...parts, exchange: client.codeExchange })
  const user = createUserApp({ ...parts, storage: absentStorage(), wechat: client })
  const rulebook = createRulebook({ ...ports, builtInPolicies: [] })

  function call(path: string, options: TestCall = {}): Promise<TestAnswer> {
    const invocation = { deadline: nowMs + 10_000, ...options.invocation }
    return callApp(path.startsWith('/login') ? login : user, `/api/v1${path}`, { ...options, invocation })
  }

  function logIn(name: string): Promise<TestAnswer> {
    return call('/login', { body: { code: wechat.control.mintLoginCode(name).code } })
  }

  return {
    wechat,
    log,
    now: clock,
    advance(ms) {
      nowMs += ms
    },
    call,
    logIn,
    async signIn(name) {
      const { body } = await logIn(name)
      if (body.code !== 0) throw new TypeError(`Cannot sign in ${name}: ${JSON.stringify(body)}`)
      return body.data
    },
    publish: (change) => rulebook.publish({ change }, ADMIN, signal),
    async close() {
      await Promise.all([database.close(), state.close(), wechat.stop()])
      await test.close()
    },
  }
}
