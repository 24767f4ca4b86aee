import { randomInt } from 'node:crypto'
import type { Call } from './call.ts'
import { Refusal } from './refusal.ts'

/** A subscribe message that was taken, as it came. */
export interface SentMessage {
  readonly name: string
  readonly openid: string
  readonly templateId: string
  readonly page?: string
  readonly data: Readonly<Record<string, string>>
}

/** What the documentation says of values, by kind; others are taken as they are. */
const LIMITS: Readonly<Record<string, RegExp>> = {
  thing: /^.{1,20}$/su,
  number: /^[\d.-]{1,32}$/,
  letter: /^[A-Za-z]{1,32}$/,
  symbol: /^.{1,5}$/u,
  character_string: /^[\x21-\x7e]{1,32}$/,
  amount: /^\D?\d{1,10}(\.\d+)?元?$/,
  phone_number: /^[\d+() -]{1,17}$/,
  car_number: /^.{1,8}$/u,
  name: /^(.{1,10}|[A-Za-z ]{1,20})$/u,
  phrase: /^\p{Script=Han}{1,5}$/u,
}

/** POST /cgi-bin/message/subscribe/send: taken, and its arrival pushed. */
export function sendSubscribeMessage({ body, world }: Call) {
  const { touser, template_id: templateId, page, data } = body
  const identity = world.identities.byOpenid(String(touser))
  if (identity === undefined) throw new Refusal(40003)
  if (typeof templateId !== 'string' || templateId === '') throw new Refusal(40037)
  const { name, openid } = identity
  const pageOf = typeof page === 'string' ? { page } : {}
  world.sentMessages.push({ name, openid, templateId, ...pageOf, data: readData(data) })
  const msgid = randomInt(2 ** 47)
  const List = { TemplateId: templateId, MsgID: String(msgid), ErrorCode: '0', ErrorStatus: 'success' }
  void world.pusher.push({ FromUserName: openid, Event: 'subscribe_msg_sent_event', List })
  return { errcode: 0, errmsg: 'ok', msgid }
}

function readData(data: unknown): Readonly<Record<string, string>> {
  if (typeof data !== 'object' || data === null) throw new Refusal(47003)
  return Object.fromEntries(
    Object.entries(data).map(([field, given]: [string, unknown]) => {
      const value = typeof given === 'object' && given !== null && 'value' in given ? given.value : undefined
      const limit = LIMITS[field.replace(/\d+$/, '')]
      if (typeof value !== 'string' || value === '' || limit?.test(value) === false) throw new Refusal(47003)
      return [field, value]
    }),
  )
}
