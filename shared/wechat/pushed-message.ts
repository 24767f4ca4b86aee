import { validate } from '#shared/http/validate.ts'
import { fallback, looseObject, number, optional, pipe, regex, string, transform, union } from 'valibot'
import type { PushBody, PushFormat } from './message-push-body.ts'

/** A message or an event that WeChat pushed. */
export interface PushedMessage {
  readonly toUserName: string
  /** An openid, or a name of WeChat's own; empty where the push has none. */
  readonly fromUserName: string
  /** Epoch seconds; 0 where the push has none. */
  readonly createTimeS: number
  /** `event`, or what a person sent: `text`, `image` and so on. */
  readonly msgType: string
  readonly event?: string
  /** 64 bits, so text; messages have one, events mostly don't. */
  readonly msgId?: string
  /** Everything by WeChat's own names. In XML numbers are text, and a list of one is its only member. */
  readonly fields: PushBody['fields']
  readonly format: PushFormat
}

const userName = optional(string(), '')
const digits = pipe(string(), regex(/^\d{1,12}$/), transform(Number))

const Message = looseObject({
  ToUserName: userName,
  FromUserName: userName,
  CreateTime: fallback(union([number(), digits]), 0),
  MsgType: string(),
  Event: optional(string()),
  MsgId: optional(pipe(union([string(), number()]), transform(String))),
})

/** What all pushes have in common, from the body of one. @throws Fault validation_failed */
export function pushedMessage({ format, fields }: PushBody): PushedMessage {
  const { ToUserName, FromUserName, CreateTime, MsgType, Event, MsgId } = validate(Message, fields)
  return {
    toUserName: ToUserName,
    fromUserName: FromUserName,
    createTimeS: CreateTime,
    msgType: MsgType,
    ...(Event === undefined ? {} : { event: Event }),
    ...(MsgId === undefined ? {} : { msgId: MsgId }),
    fields,
    format,
  }
}
