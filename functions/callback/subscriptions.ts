import * as v from 'valibot'
import { keepSubscription } from '#shared/db/tables/subscriptions.ts'
import { validate } from '#shared/http/validate.ts'
import { uuidv7 } from '#shared/ids.ts'
import type { PushedMessage } from '#shared/wechat/pushed-message.ts'
import type { EventHandler } from './events.ts'
import { lockPerson } from './lock-person.ts'

const TemplateId = v.pipe(v.string(), v.minLength(1), v.maxLength(64))
/** Besides accept and reject, `ban` and `filter` are known from wx.requestSubscribeMessage. */
const Choice = v.looseObject({
  TemplateId,
  SubscribeStatusString: v.pipe(
    v.string(),
    v.transform((status) => (status === 'accept' ? 'accept' : 'reject')),
  ),
})
/** In XML, and mostly in JSON too, numbers are text. */
const Text = v.pipe(v.union([v.string(), v.number()]), v.transform(String), v.maxLength(128))
const Outcome = v.looseObject({ TemplateId, MsgID: Text, ErrorCode: Text, ErrorStatus: Text })

const MAX_ITEMS = 20

/** subscribe_msg_popup_event, subscribe_msg_change_event: a user says which messages they want. */
export const subscriptionsChanged: EventHandler = async (message, call, signal) => {
  const choices = validate(v.array(Choice), itemsOf(message))
  const user = await lockPerson(call, message.fromUserName, signal)
  if (user === undefined) return
  const at = message.createTimeS === 0 ? call.now : new Date(message.createTimeS * 1_000)
  for (const { TemplateId: template, SubscribeStatusString: status } of choices) {
    const row = { id: uuidv7(call.now.getTime()), user_id: user.id, template_id: template, status, at }
    await keepSubscription(call, row, signal)
  }
}

/** subscribe_msg_sent_event: what became of messages that were sent. Noted, since nothing can be done about it. */
export const messagesSent: EventHandler = async (message, { logger, requestId }) => {
  for (const item of validate(v.array(Outcome), itemsOf(message))) {
    const { TemplateId: templateId, MsgID: messageId, ErrorCode: errorCode, ErrorStatus: status } = item
    const level = errorCode === '0' ? 'info' : 'warn'
    logger[level]('subscribe.sent', { requestId, templateId, messageId, errorCode, status })
  }
}

/** The list is on top in JSON and in an element of the event's in XML; a list of one may be its only member. */
function itemsOf({ fields }: PushedMessage): readonly unknown[] {
  const named = Object.entries(fields).find(([name]) => /^SubscribeMsg\w+Event$/.test(name))?.[1]
  const held = isRecord(named) && 'List' in named ? named['List'] : named
  const items = fields['List'] ?? held
  return (Array.isArray(items) ? items : [items]).slice(0, MAX_ITEMS)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
