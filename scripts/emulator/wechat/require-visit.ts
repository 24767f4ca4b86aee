import type { Clock } from '#shared/clock.ts'
import type { Identity } from './identities.ts'
import { Refusal } from './refusal.ts'

const VISIT_MS = 2 * 3_600_000

/** @throws Refusal 61010 when the person was last here more than two hours ago */
export function requireVisit({ visitedAt }: Identity, { clock }: { readonly clock: Clock }): void {
  if (visitedAt + VISIT_MS < clock()) throw new Refusal(61010)
}
