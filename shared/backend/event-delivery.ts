import type { OutboxRow } from '#shared/db/tables/outbox.ts'
import type { Deliver } from '#shared/outbox/drain.ts'
import type { Secret } from '#shared/secret.ts'
import { postMessage, type PostingPorts } from './post-message.ts'

/** How an event is written into a request: whole into the body, or its attributes into headers. */
export const EVENT_MODES = ['structured', 'binary'] as const

/** A bus that takes CloudEvents 1.0 over HTTP. */
export interface EventBus {
  readonly url: URL
  readonly mode: (typeof EVENT_MODES)[number]
  /** Who we are among its sources: a URI reference. */
  readonly source: string
  /** Sent as a bearer token. */
  readonly token?: Secret | undefined
}

/** RFC 3986 §4.1; only a host may have brackets, and what has a colon in front of every slash begins with a scheme. */
const URI_REFERENCE =
  /^(?!$)(?:[a-z][a-z\d+.-]*:|(?![^/?#]*:))(?:\/\/\[[\da-f:.]+\])?(?:[\w.~!$&'()*+,;=:@/?-]|%[\da-f]{2})*(?:#(?:[\w.~!$&'()*+,;=:@/?-]|%[\da-f]{2})*)?$/i

/** @throws TypeError for what CloudEvents 1.0 does not take as a source */
export function checkedSource(text: string): string {
  if (!URI_REFERENCE.test(text))
    throw new TypeError('must be a URI or a path, as /xiaohan, with other characters percent-encoded')
  return text
}

/** @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md */
export function eventDelivery({ url, mode, source, token }: EventBus, ports: PostingPorts): Deliver {
  const post = postMessage(url, ports)
  const own = token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` }
  return async (message, signal) => {
    const { headers, body } = FORMS[mode](attributesOf(message, source), message.payload)
    await post({ message, body, headers: { ...headers, ...own } }, signal)
  }
}

type Attributes = Readonly<Record<string, string>>

interface Written {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Source and id name an event: a bus that gets it again knows it by them. */
function attributesOf({ id, topic, created_at: at }: OutboxRow, source: string): Attributes {
  return { specversion: '1.0', id, source, type: `xiaohan.${topic}`, time: at.toISOString() }
}

const FORMS: Readonly<Record<EventBus['mode'], (attributes: Attributes, payload: string) => Written>> = {
  structured: (attributes, payload) => ({
    headers: { 'content-type': 'application/cloudevents+json; charset=utf-8' },
    body: JSON.stringify({ ...attributes, datacontenttype: 'application/json', data: JSON.parse(payload) }),
  }),
  binary: (attributes, payload) => ({
    headers: {
      'content-type': 'application/json',
      ...Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value])),
    },
    body: payload,
  }),
}
