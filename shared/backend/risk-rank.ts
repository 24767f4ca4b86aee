import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { findUser } from '#shared/db/tables/users.ts'
import { within } from '#shared/deadline.ts'
import type { UserFacts } from '#shared/guard/judge.ts'
import { UNKNOWN_RANK } from '#shared/risk/facts.ts'
import { userTag } from '#shared/state/key-text.ts'
import type { StateStore } from '#shared/state/store.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import { singleFlight } from '#shared/single-flight.ts'
import type { Wechat } from '#shared/wechat/wechat.ts'

export interface RiskRankOptions {
  readonly database: Database
  readonly state: StateStore
  readonly clock: Clock
  readonly logger: Logger
}

const REMEMBERED_MS = 10 * 60_000
/** While WeChat does not answer nobody else of the same user waits for it. */
const FAILURE_REMEMBERED_MS = 30_000
const ASK_MS = 1_000

/** Asks WeChat for a user's risk rank, at most once in ten minutes a user; -1 while it cannot be had. */
export function createRiskRank(
  { database, state, clock, logger }: RiskRankOptions,
  wechat: Pick<Wechat, 'riskRank'>,
): NonNullable<UserFacts['riskRank']> {
  const flight = singleFlight<number>({ timeoutMs: 2 * ASK_MS, clock })

  async function ask(userId: string, clientIp: string, signal: AbortSignal): Promise<number> {
    const openid = (await findUser(await database.sql(), userId, signal))?.openid
    return openid === undefined || openid === null
      ? UNKNOWN_RANK
      : wechat.riskRank({ openid, clientIp }, signal)
  }

  async function remembered(userId: string, clientIp: string, signal: AbortSignal): Promise<number> {
    const key = `${userTag(userId)}:rank`
    const known = await state.get(key, signal).catch(() => undefined) // the store is only a memory here
    if (/^(?:-1|[0-4])$/.test(known ?? '')) return Number(known)
    const rank = await ask(userId, clientIp, within(ASK_MS, signal)).catch((cause: unknown) => {
      logger.warn('risk.rank_unknown', { cause })
      return UNKNOWN_RANK
    })
    const ttlMs = rank === UNKNOWN_RANK ? FAILURE_REMEMBERED_MS : REMEMBERED_MS
    await state.set(key, String(rank), { ttlMs }, signal).catch(() => {})
    return rank
  }

  return ({ userId, ip }, signal) => flight(userId, (own) => remembered(userId, ip, own), signal)
}
