import type { PushedMessage } from '#shared/wechat/pushed-message.ts'

/** The fields of an answer that WeChat passes on. */
export type WriteReply = (message: PushedMessage, nowMs: number) => Readonly<Record<string, string | number>>

/**
 * What messages and events are answered with, by `MsgType` or `Event`; others with `success`. Add your own here. A push
 * that comes again is answered again, so a reply must follow from the message alone.
 *
 * What people write goes on to customer service, which a mini-program with a message push is not shown otherwise.
 *
 * @see https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/customer-message/trans.html
 */
export const REPLIES: Readonly<Record<string, WriteReply>> = {
  text: toCustomerService,
  image: toCustomerService,
  miniprogrampage: toCustomerService,
}

function toCustomerService({ toUserName, fromUserName }: PushedMessage, nowMs: number) {
  return {
    ToUserName: fromUserName,
    FromUserName: toUserName,
    CreateTime: Math.floor(nowMs / 1_000),
    MsgType: 'transfer_customer_service',
  }
}
