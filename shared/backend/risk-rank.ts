import type { Database } from '#shared/db/database.ts'
import { findUser } from '#shared/db/tables/users.ts'
import type { UserFacts } from '#shared/guard/judge.ts'
import type { StateStore } from '#shared/state/store.ts'
import type { Wechat } from '#shared/wechat/wechat.ts'

export interface RiskRankOptions {
  readonly database: Database
  readonly state: StateStore
}

const REMEMBERED_MS = 10 * 60_000
/** What rules see while nobody knows. */
const UNKNOWN = -1

/** Asks WeChat for a user's risk rank, at most once in ten minutes a user. */
export function createRiskRank(
  { database, state }: RiskRankOptions,
  wechat: Pick<Wechat, 'riskRank'>,
): NonNullable<UserFacts['riskRank']> {
  return async ({ userId, ip }, signal) => {
    const key = `{u:${userId}}:rank`
    const known = await state.get(key, signal).catch(() => undefined) // the store is only a memory here
    if (known !== undefined) return Number(known)
    const openid = (await findUser(await database.sql(), userId, signal))?.openid
    if (openid === undefined || openid === null) return UNKNOWN
    const rank = await wechat.riskRank({ openid, clientIp: ip }, signal)
    await state.set(key, String(rank), { ttlMs: REMEMBERED_MS }, signal).catch(() => {})
    return rank
  }
}
