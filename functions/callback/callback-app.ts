import { createCloseAccount } from '#shared/backend/close-account.ts'
import { type BackendOptions, createBackend } from '#shared/backend/create-backend.ts'
import type { HttpApp } from '#shared/http/create-app.ts'
import type { Secret } from '#shared/secret.ts'
import { createMessagePush } from '#shared/wechat/message-push.ts'
import { createSessionEnder } from '#shared/tokens/session-ender.ts'
import type { EventPorts } from './events.ts'
import { wechatPayNotification, type WechatPayRouteOptions } from './wechat-pay.ts'
import { messagePushRoutes } from './message-push.ts'
import { partnerCallback, type PartnerRouteOptions } from './partner.ts'

export interface CallbackOptions extends BackendOptions, Pick<EventPorts, 'takeMediaVerdict'> {
  readonly pushToken: Secret
  readonly pushAesKey?: Secret | undefined
  /** Where orders are paid by WeChat Pay: what notifications are proven and opened with, and who hears of them. */
  readonly payments?:
    | Pick<WechatPayRouteOptions, 'mchId' | 'platformKeys' | 'apiKey' | 'tell' | 'deliver'>
    | undefined
  /** Where partners call back: who hears of what they say. */
  readonly partners?: Pick<PartnerRouteOptions, 'tell' | 'deliver'> | undefined
}

/** The callback function over its ports. */
export function createCallbackApp(options: CallbackOptions): HttpApp {
  const { pushToken: token, pushAesKey: encodingAesKey } = options
  const push = createMessagePush({ ...options, token, encodingAesKey })
  const { payments, partners } = options
  const backend = createBackend(options)
  const pay = payments === undefined ? [] : [wechatPayNotification({ ...options, ...payments })]
  const ender = createSessionEnder({ ...options, ...backend })
  const closeAccount = createCloseAccount({ ender, clock: options.clock })
  const isSealed = encodingAesKey !== undefined
  const pushed = messagePushRoutes({ ...options, push, isSealed, closeAccount })
  // After those of WeChat, whose names no partner may have.
  const called =
    partners === undefined
      ? []
      : [partnerCallback({ ...options, ...partners, signatures: backend.signatures })]
  return backend.app('callback', [...pushed, ...pay, ...called])
}
