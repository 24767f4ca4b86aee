import type { Call } from './call.ts'
import { Refusal } from './refusal.ts'
import { requireVisit } from './require-visit.ts'

/** Audio, image. */
const MEDIA_TYPES: ReadonlySet<unknown> = new Set([1, 2])
const SCENES: ReadonlySet<unknown> = new Set([1, 2, 3, 4])

/** POST /wxa/media_check_async: the file is looked at later, and what was found is pushed. */
export function checkMedia({ body, world }: Call) {
  const { media_url: mediaUrl, media_type: mediaType, openid, scene, version } = body
  if (typeof mediaUrl !== 'string' || !isHttpUrl(mediaUrl) || version !== 2) throw new Refusal(47001)
  if (!MEDIA_TYPES.has(mediaType)) throw new Refusal(47001)
  if (!SCENES.has(scene)) throw new Refusal(40129)
  const identity = world.identities.byOpenid(String(openid))
  if (identity === undefined) throw new Refusal(40003)
  requireVisit(identity, world)
  const media = { mediaUrl, mediaType: Number(mediaType), openid: identity.openid, scene: Number(scene) }
  return { errcode: 0, errmsg: 'ok', trace_id: world.mediaChecks.start(media) }
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}
