import { object, string } from 'valibot'
import type { TokenCaller } from './call-with-token.ts'
import { SCENES } from './content-scenes.ts'

export interface MediaToCheck {
  /** Where WeChat fetches the file, of at most 10 MB; must stay valid for half an hour. */
  readonly mediaUrl: string
  readonly kind: keyof typeof KINDS
  /** The author, who must have opened the mini-program in the last 2 hours. */
  readonly openid: string
  readonly scene: keyof typeof SCENES
}

/** What the verdict will be known by, which is pushed within half an hour; pushes come in any order. */
export type CheckMedia = (media: MediaToCheck, signal: AbortSignal) => Promise<{ readonly traceId: string }>

const KINDS = { audio: 1, image: 2 } as const

const Answer = object({ trace_id: string() })

/**
 * Has WeChat's content safety look at an image or a recording.
 *
 * @throws Fault forbidden with the reason `wechat_visit_too_old`, validation_failed with the reason `openid_unknown`,
 * rate_limited, upstream_failed, upstream_timeout
 */
export function checkMedia(call: TokenCaller): CheckMedia {
  return async ({ mediaUrl, kind, openid, scene }, signal) => {
    const { trace_id: traceId } = await call(
      {
        method: 'POST',
        path: '/wxa/media_check_async',
        body: { media_url: mediaUrl, media_type: KINDS[kind], version: 2, scene: SCENES[scene], openid },
        answer: Answer,
        // Asked twice, it gives two traces; the verdict of the one that nobody knows is passed over.
        delivery: 'repeatable',
      },
      signal,
    )
    return { traceId }
  }
}
