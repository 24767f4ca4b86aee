import { systemClock } from '#shared/clock.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import { parseKeyring } from '#shared/keyring.ts'
import { openState } from '#shared/state/open-state.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { createAccessTokens } from '#shared/tokens/access-tokens.ts'
import { createRevocations } from '#shared/tokens/revocations.ts'
import { createSessionStarter } from '#shared/tokens/session-starter.ts'
import { parseTokenKeys } from '#shared/tokens/token-keys.ts'
import { findOrCreateUser } from '#shared/users/find-or-create-user.ts'

export interface BenchUser {
  /** A fresh access token, good for ten minutes. */
  token(): Promise<string>
}

export interface BenchUsersOptions {
  readonly databaseUrl: URL
  readonly appId: string
  readonly secrets: Readonly<Record<'TOKEN_KEYS' | 'DATA_KEYS', string>>
  readonly count: number
}

/** New users, each signed in. */
export async function benchUsers(options: BenchUsersOptions): Promise<readonly BenchUser[]> {
  const { appId, secrets, count } = options
  const clock = systemClock
  const { signal } = new AbortController()
  const database = openDatabase({ url: options.databaseUrl, poolSize: 1, clock })
  const keys = parseTokenKeys(secrets.TOKEN_KEYS)
  const accessTokens = createAccessTokens({ keys, issuer: 'xiaohan', audience: appId, clock })
  const revocations = createRevocations(openState({ postgres: database }), createLogger({ level: 'error' }))
  const dataKeys = parseKeyring(secrets.DATA_KEYS)
  const start = createSessionStarter({ database, accessTokens, revocations, dataKeys, clock })

  async function signedIn(index: number): Promise<BenchUser> {
    const openid = `bench-${process.pid}-${clock()}-${index}`
    const user = await findOrCreateUser(database, { appId, openid }, new Date(clock()), signal)
    const client = { ip: '127.0.0.1', requestId: 'bench', wechatKey: 'none' }
    const { sessionId } = await start({ userId: user.id, ...client }, signal)
    const claims = { userId: user.id, sessionId, epoch: user.epoch, generation: 0 }
    return { token: async () => (await accessTokens.issue(claims)).accessToken }
  }

  try {
    return await Promise.all(Array.from({ length: count }, (_, index) => signedIn(index)))
  } finally {
    await database.close()
  }
}
