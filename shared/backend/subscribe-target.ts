import * as v from 'valibot'
import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import { findOrder } from '#shared/db/tables/orders.ts'
import { listSubscriptions } from '#shared/db/tables/subscriptions.ts'
import { findUser } from '#shared/db/tables/users.ts'
import { Fault } from '#shared/errors.ts'
import { neverSent } from '#shared/outbound/call-error.ts'
import type { Deliver } from '#shared/outbox/drain.ts'
import { enqueue } from '#shared/outbox/enqueue.ts'
import { FinalFailure } from '#shared/outbox/final-failure.ts'
import type { Tell } from '#shared/payments/apply-payment.ts'
import { idOf } from '#shared/payments/order-states.ts'
import { amountText, fitField } from '#shared/wechat/subscribe-fields.ts'
import { WechatError } from '#shared/wechat/wechat-error.ts'
import type { Wechat } from '#shared/wechat/wechat.ts'
import { type CallingPorts, openWechat } from './open-backend.ts'
import type { subscribeSettings, SubscribeTemplates } from './subscribe-templates.ts'

export interface SubscribeTargetOptions {
  readonly database: Database
  readonly templates: SubscribeTemplates
  readonly wechat: Pick<Wechat, 'accessToken' | 'sendSubscribeMessage'>
}

type Template = SubscribeTemplates[string]

const TARGET = 'subscribe-message'

/** Who is told by WeChat, by these settings; nobody without them. */
export function openSubscribers(settings: ReturnType<typeof subscribeSettings>, backend: CallingPorts) {
  if (settings === undefined) return { targets: {}, tell: tellSubscribers({}, backend.clock) }
  const { templates } = settings
  const wechat = openWechat(backend, settings)
  const targets = subscribeTarget({ database: backend.database, templates, wechat })
  return { targets, tell: tellSubscribers(templates, backend.clock) }
}

/** Keeps news of an order for its payer, where there is a template for them. */
export function tellSubscribers(templates: SubscribeTemplates, clock: Clock): Tell {
  return async (sql, { topic, payload, requestId }, signal) => {
    if (!Object.hasOwn(templates, topic)) return
    await enqueue(sql, [{ topic, target: TARGET, payload }], { now: new Date(clock()), requestId, signal })
  }
}

/** Sends such news as WeChat's subscribe messages; by the name that `tellSubscribers` gives them. */
export function subscribeTarget(options: SubscribeTargetOptions): Readonly<Record<string, Deliver>> {
  const { templates, wechat } = options
  return {
    async [TARGET]({ topic, payload }, signal) {
      const template = templates[topic]
      if (template === undefined) throw new FinalFailure(`There is no template for ${topic}`)
      const { openid, facts } = await recipient(options, { payload, template }, signal)
      const { templateId, page, state, fields } = template
      const message = { openid, templateId, page, state, values: valuesOf(fields, facts) }
      // First, since whatever fails here was surely not sent.
      await wechat.accessToken(signal)
      await wechat.sendSubscribeMessage(message, signal).catch(judge)
    },
  }
}

const OrderNews = v.pipe(v.string(), v.parseJson(), v.looseObject({ no: v.optional(v.string(), '') }))
type Facts = Readonly<Record<string, unknown>>

/** Who is to be told, as they are now, and what of. */
async function recipient(
  { database }: SubscribeTargetOptions,
  { payload, template }: { readonly payload: string; readonly template: Template },
  signal: AbortSignal,
): Promise<{ readonly openid: string; readonly facts: Facts }> {
  const news = v.parse(OrderNews, payload)
  const id = idOf(news.no)
  const sql = await database.sql()
  const order = id === undefined ? undefined : await findOrder(sql, id, signal)
  if (order === undefined) throw new FinalFailure('The message is about no order')
  const user = await findUser(sql, order.user_id, signal)
  if (user === undefined || user.openid === null || user.status !== 'active')
    throw new FinalFailure('The user is gone')
  const choices = await listSubscriptions(sql, user.id, signal)
  const choice = choices.find(({ template_id: each }) => each === template.templateId)
  if (choice?.status === 'reject') throw new FinalFailure('The user has refused such messages')
  return { openid: user.openid, facts: { ...news, description: order.description } }
}

/** @throws FinalFailure for a value that is not there or does not fit: it never will */
function valuesOf(fields: Template['fields'], facts: Facts): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, source]) => {
      const text = source.startsWith('=') ? source.slice(1) : textAt(facts, source)
      const value = text === undefined ? undefined : fitField(name, text)
      if (value === undefined) throw new FinalFailure(`${source} does not fit the field ${name}`)
      return [name, value]
    }),
  )
}

function textAt(facts: Facts, source: string): string | undefined {
  let value: unknown = facts
  for (const name of source.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = Object.entries(value).find(([each]) => each === name)?.[1]
  }
  if (typeof value === 'number') return source.endsWith('Fen') ? amountText(value) : String(value)
  return typeof value === 'string' ? value : undefined
}

/** What WeChat refuses for good, and what may have arrived: sent again, it could arrive twice. */
function judge(error: unknown): never {
  const isRefused = error instanceof Fault && error.cause instanceof WechatError
  if (isRefused && (error.error === 'forbidden' || error.error === 'validation_failed'))
    throw new FinalFailure('WeChat refuses the message', { cause: error })
  if (!isRefused && !neverSent(error))
    throw new FinalFailure('The message may have arrived', { cause: error })
  throw error
}
