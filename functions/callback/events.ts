import type { TakeMediaVerdict } from '#shared/files/media-verdict.ts'
import type { PushedMessage } from '#shared/wechat/pushed-message.ts'
import { mediaVerdict } from './media-verdict.ts'

/** What handlers of events work with. */
export interface EventPorts {
  readonly takeMediaVerdict: TakeMediaVerdict
}

/**
 * Does what an event asks for, within the call's 4.5 seconds. A rejection has WeChat push the event again, three times at most; and an
 * event may come twice without one, so doing it again must change nothing.
 */
export type EventHandler = (message: PushedMessage, ports: EventPorts, signal: AbortSignal) => Promise<void>

/**
 * The events that something is done about, by WeChat's name for them. Add your own here: one row, one file with its
 * handler. Others are answered and noted in the log.
 *
 * @see https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html
 */
export const EVENTS: Readonly<Record<string, EventHandler>> = {
  wxa_media_check: mediaVerdict,
}
