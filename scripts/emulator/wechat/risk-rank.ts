import type { Call } from './call.ts'
import { Refusal } from './refusal.ts'

/** Name parts that make a person of the stand-in a risk, such as dev-mallory-risk4. */
const RANKED = /risk(?<rank>[0-4])$/

/** POST /wxa/getuserriskrank */
export function riskRank({ body, world }: Call) {
  const { appid, openid, scene, client_ip: clientIp } = body
  if (appid !== world.appId) throw new Refusal(40013)
  if ((scene !== 0 && scene !== 1) || typeof clientIp !== 'string' || clientIp === '') throw new Refusal(40097)
  const identity = world.identities.byOpenid(String(openid))
  if (identity === undefined) throw new Refusal(40003)
  const rank = RANKED.exec(identity.name)?.groups?.['rank'] ?? '0'
  return { errcode: 0, errmsg: 'ok', risk_rank: Number(rank), unoin_id: 1 }
}
