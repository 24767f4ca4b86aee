import type { Clock } from '#shared/clock.ts'
import type { Read } from '#shared/config/read-env.ts'
import type { Deliver } from '#shared/outbox/drain.ts'
import { enqueue } from '#shared/outbox/enqueue.ts'
import type { Tell } from '#shared/payments/apply-payment.ts'
import { checkedSource, type EventBus, EVENT_MODES, eventDelivery } from './event-delivery.ts'
import { outwardUrl } from './outward-url.ts'
import type { PostingPorts } from './post-message.ts'
import { parseWebhookSecret, type Webhook, webhookDelivery } from './webhook-delivery.ts'

/** Who is told of what happens here, by the names that messages in the outbox have as their target. */
export interface Downstream {
  readonly webhook?: Webhook | undefined
  readonly eventBus?: EventBus | undefined
}

const TARGETS = { webhook: 'webhook', eventBus: 'event-bus' } as const
/** Three attempts; what is left then, an admin sends again. */
const RETRY_WAITS_S = [10, 60]
const SOURCE = '/xiaohan'
const MIN_TOKEN_BYTES = 16

/** What functions that tell others of what happens read besides. */
export function downstreamSettings(read: Read) {
  return {
    webhook: read.optional('WEBHOOK_URL', webhookSettings, ['WEBHOOK_SECRET']),
    eventBus: read.optional('EVENT_BUS_URL', eventBusSettings, BUS_OPTIONS),
    retryWaitsS: read.optional('OUTBOX_RETRY_S', () => read.parsed('OUTBOX_RETRY_S', waits)) ?? RETRY_WAITS_S,
  }
}

function webhookSettings(read: Read) {
  return {
    url: outwardUrl(read, 'WEBHOOK_URL'),
    key: read.parsed('WEBHOOK_SECRET', parseWebhookSecret),
  }
}

const BUS_OPTIONS = ['EVENT_BUS_MODE', 'EVENT_BUS_SOURCE', 'EVENT_BUS_TOKEN']

function eventBusSettings(read: Read) {
  return {
    url: outwardUrl(read, 'EVENT_BUS_URL'),
    mode: read.oneOf('EVENT_BUS_MODE', EVENT_MODES, 'structured'),
    source: read.optional('EVENT_BUS_SOURCE', () => read.parsed('EVENT_BUS_SOURCE', checkedSource)) ?? SOURCE,
    token: read.optional('EVENT_BUS_TOKEN', () =>
      read.secret('EVENT_BUS_TOKEN', { minBytes: MIN_TOKEN_BYTES }),
    ),
  }
}

function waits(text: string): readonly number[] {
  const seconds = text.split(',').map(Number)
  if (!seconds.every((each) => Number.isInteger(each) && each > 0 && each <= 86_400) || seconds.length > 20)
    throw new TypeError('must be waits in whole seconds, as 10,60,600')
  return seconds
}

/** Keeps news for everybody who is to be told, a message each; nothing where nobody is. */
export function tellDownstream({ webhook, eventBus }: Downstream, clock: Clock): Tell {
  const targets = [
    ...(webhook === undefined ? [] : [TARGETS.webhook]),
    ...(eventBus === undefined ? [] : [TARGETS.eventBus]),
  ]
  return async (sql, { topic, payload, requestId }, signal) => {
    const messages = targets.map((target) => ({ topic, target, payload }))
    await enqueue(sql, messages, { now: new Date(clock()), requestId, signal })
  }
}

/** Where messages go, by the names that `tellDownstream` gives them. */
export function downstreamTargets(
  { webhook, eventBus }: Downstream,
  ports: PostingPorts,
): Readonly<Record<string, Deliver>> {
  return {
    ...(webhook === undefined ? {} : { [TARGETS.webhook]: webhookDelivery(webhook, ports) }),
    ...(eventBus === undefined ? {} : { [TARGETS.eventBus]: eventDelivery(eventBus, ports) }),
  }
}
