import type { Call } from './call.ts'
import { Refusal } from './refusal.ts'
import { requireVisit } from './require-visit.ts'

/** Name parts that make a person of the stand-in a risk, such as dev-mallory-risk4. */
const RANKED = /risk(?<rank>[0-4])$/
/** Registration, marketing. */
const SCENES: ReadonlySet<unknown> = new Set([0, 1])

/** POST /wxa/getuserriskrank */
export function riskRank({ body, world }: Call) {
  const { appid, openid, scene, client_ip: clientIp } = body
  if (!SCENES.has(scene)) throw new Refusal(40129)
  if (typeof clientIp !== 'string' || clientIp === '') throw new Refusal(47001)
  const identity = world.identities.byOpenid(String(openid))
  if (identity === undefined) throw new Refusal(40003)
  if (appid !== world.appId) throw new Refusal(43104)
  requireVisit(identity, world)
  const rank = RANKED.exec(identity.name)?.groups?.['rank'] ?? '0'
  return { errcode: 0, errmsg: 'getuserriskrank succ', risk_rank: Number(rank), unoin_id: 1 }
}
