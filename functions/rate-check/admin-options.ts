import type { Policies } from '#shared/limit-policy.ts'
import type { DenyList } from '#shared/risk/deny-list.ts'
import type { Rulebook } from '#shared/risk/rulebook.ts'
import type { Actor } from '#shared/risk/versions.ts'
import type { Invocation } from '#shared/http/app.ts'

/** What the admin routes of this function work with. */
export interface RateCheckAdminOptions {
  readonly requireAdmin: RequireAdmin
  readonly rulebook: Rulebook
  readonly denyList: DenyList
  /** Policies that stand without being published. */
  readonly builtIn: Policies
}

export type RequireAdmin = (
  request: Request,
  signal: AbortSignal,
) => Promise<{ readonly user: { readonly id: string } }>

/** Who asks, for the audit. */
export function actorOf(
  { user }: Awaited<ReturnType<RequireAdmin>>,
  { clientIp: ip, requestId }: Invocation,
): Actor {
  return { actorId: user.id, ip, requestId }
}
