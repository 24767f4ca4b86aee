import type { Selectable } from 'kysely'
import type { Queries } from '#shared/db/database.ts'

/** Decisions of the last days, to try a draft of the rules on. */
export interface RiskDecisionsTable {
  /** UUIDv7. */
  id: string
  at: Date
  /** `POST /login`. */
  route: string
  user_id: string | null
  /** JSON. */
  facts: string
  /** The rules in force. */
  version: number
  rule: string | null
  action: string
}

export type RiskDecisionRow = Selectable<RiskDecisionsTable>

export async function insertDecisions(
  sql: Queries,
  rows: readonly RiskDecisionRow[],
  signal: AbortSignal,
): Promise<void> {
  await sql.insertInto('risk_decisions').values(rows).execute({ signal })
}

/** The latest decisions that rules made, or none of them; newest first. */
export function listDecisions(
  sql: Queries,
  { limit, exceptRule }: { readonly limit: number; readonly exceptRule: string },
  signal: AbortSignal,
): Promise<RiskDecisionRow[]> {
  return sql
    .selectFrom('risk_decisions')
    .selectAll()
    .where((is) => is.or([is('rule', 'is', null), is('rule', '<>', exceptRule)]))
    .orderBy('id', 'desc')
    .limit(limit)
    .execute({ signal })
}

export async function deleteDecisionsBefore(sql: Queries, before: Date, signal: AbortSignal): Promise<void> {
  await sql.deleteFrom('risk_decisions').where('at', '<', before).execute({ signal })
}

/** What was decided about a user, newest first. */
export function listDecisionsAbout(
  sql: Queries,
  userId: string,
  limit: number,
  signal: AbortSignal,
): Promise<RiskDecisionRow[]> {
  return sql
    .selectFrom('risk_decisions')
    .selectAll()
    .where('user_id', '=', userId)
    .orderBy('id', 'desc')
    .limit(limit)
    .execute({ signal })
}

/** Removes what was recorded about a user; part of erasing them. */
export async function eraseDecisions(sql: Queries, userId: string, signal: AbortSignal): Promise<void> {
  await sql.deleteFrom('risk_decisions').where('user_id', '=', userId).execute({ signal })
}
