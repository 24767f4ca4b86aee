import type { CloseAccount } from '#shared/backend/close-account.ts'
import type { AfterCommit, Dialect, Queries } from '#shared/db/database.ts'
import type { TakeMediaVerdict } from '#shared/files/media-verdict.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import type { PushedMessage } from '#shared/wechat/pushed-message.ts'
import { accountCancelled, profileModified, userRevoked } from './authorization.ts'
import { mediaVerdict } from './media-verdict.ts'
import { messagesSent, subscriptionsChanged } from './subscriptions.ts'

/** What handlers of events work with. */
export interface EventPorts {
  readonly appId: string
  readonly logger: Logger
  readonly takeMediaVerdict: TakeMediaVerdict
  readonly closeAccount: CloseAccount
}

/** What they get besides, for one push. */
export interface EventCall extends EventPorts {
  /** In the transaction that keeps the push. */
  readonly sql: Queries
  readonly dialect: Dialect
  readonly now: Date
  readonly requestId: string
  /** Whom the push came from. */
  readonly clientIp: string
}

/**
 * Does what an event asks for, once, within the call's 4.5 seconds, by the transaction that it is given; what else there
 * is to do, it gives back for afterwards. A rejection takes everything back, and has WeChat push the event again, three
 * times at most.
 */
export type EventHandler = (
  message: PushedMessage,
  call: EventCall,
  signal: AbortSignal,
) => Promise<AfterCommit | void>

/**
 * The events that something is done about, by WeChat's name for them. Add your own here: one row, one file with its
 * handler. Others are answered and noted in the log.
 *
 * @see https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html
 */
export const EVENTS: Readonly<Record<string, EventHandler>> = {
  wxa_media_check: mediaVerdict,
  user_info_modified: profileModified,
  user_authorization_revoke: userRevoked,
  user_authorization_cancellation: accountCancelled,
  subscribe_msg_popup_event: subscriptionsChanged,
  subscribe_msg_change_event: subscriptionsChanged,
  subscribe_msg_sent_event: messagesSent,
}

/** Events that take away what nobody can give back: only sealed pushes prove that WeChat sent just this. */
export const ERASING: ReadonlySet<string> = new Set([
  'user_info_modified',
  'user_authorization_revoke',
  'user_authorization_cancellation',
])
