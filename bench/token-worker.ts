// Runs in a process of its own, on either runtime: node|bun bench/token-worker.ts <database URL>
import { generateSecrets } from '#scripts/keys/generate-secrets.ts'
import { systemClock } from '#shared/clock.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import { parseKeyring } from '#shared/keyring.ts'
import { openState } from '#shared/state/open-state.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { createAccessTokens } from '#shared/tokens/access-tokens.ts'
import { createRevocations } from '#shared/tokens/revocations.ts'
import { createSessionGuard } from '#shared/tokens/session-guard.ts'
import { createSessionRefresher } from '#shared/tokens/session-refresher.ts'
import { createSessionStarter } from '#shared/tokens/session-starter.ts'
import { parseTokenKeys } from '#shared/tokens/token-keys.ts'
import { findOrCreateUser } from '#shared/users/find-or-create-user.ts'
import { median } from './table.ts'
import type { TokenRates } from './tokens.ts'

const ROUNDS = 7
const ROUND_MS = 1_000
const IN_FLIGHT = 64
const SESSIONS = 64

const { signal } = new AbortController()
const clock = systemClock
const logger = createLogger({ level: 'error' })
const keys = generateSecrets()
const database = openDatabase({ url: new URL(process.argv[2] ?? ''), poolSize: 2, clock })
const state = openState({ postgres: database })
const accessTokens = createAccessTokens({
  keys: parseTokenKeys(keys.TOKEN_KEYS),
  issuer: 'xiaohan',
  audience: 'bench',
  clock,
})
const revocations = createRevocations(state, logger)
const guard = createSessionGuard({ accessTokens, revocations, database, clock })
const dataKeys = parseKeyring(keys.DATA_KEYS)
const parts = { database, accessTokens, revocations, dataKeys, clock, logger }
const startSession = createSessionStarter(parts)
const refresh = createSessionRefresher(parts)

const sessions = await Promise.all(Array.from({ length: SESSIONS }, (_, index) => beginSession(index)))
const refreshTokens = sessions.map(({ tokens }) => tokens.refreshToken)
const caller = { ip: '127.0.0.1', requestId: 'bench' }

const rates: TokenRates = {
  signatureOnly: await rate(async (at) => {
    await accessTokens.verify(pick(sessions, at).tokens.accessToken)
  }),
  verify: await rate(async (at) => {
    // A request of its own each time: what a guard has found out about one it need not find out again.
    const authorization = `Bearer ${pick(sessions, at).tokens.accessToken}`
    await guard.require(new Request('http://127.0.0.1/', { headers: { authorization } }), signal)
  }),
  refresh: await rate(async (at) => {
    const { tokens } = await refresh(pick(refreshTokens, at), caller, signal)
    refreshTokens[at % SESSIONS] = tokens.refreshToken
  }),
}
await database.close()
console.log(JSON.stringify(rates))

async function beginSession(index: number) {
  const identity = { appId: 'bench', openid: `bench-${process.pid}-${index}` }
  const user = await findOrCreateUser(database, identity, new Date(clock()), signal)
  return startSession({ userId: user.id, ip: '127.0.0.1', requestId: 'bench', wechatKey: 'none' }, signal)
}

/** Operations a second, median over the rounds after one for warming up. Each lane works on its own session. */
async function rate(work: (at: number) => Promise<void>): Promise<number> {
  const rounds: number[] = []
  for (let round = 0; round <= ROUNDS; round += 1) {
    const startedAt = performance.now()
    let done = 0
    const lane = async (at: number) => {
      for (; performance.now() - startedAt < ROUND_MS; done += 1) await work(at)
    }
    await Promise.all(Array.from({ length: IN_FLIGHT }, (_, at) => lane(at)))
    rounds.push((done / (performance.now() - startedAt)) * 1000)
  }
  return median(rounds.slice(1))
}

function pick<T>(items: readonly T[], at: number): T {
  const item = items[at % items.length]
  if (item === undefined) throw new RangeError('Nothing to pick from')
  return item
}
