import type { CloudEvent } from '#shared/http/app.ts'
import { fields } from './contract.ts'

/** What an object store of a cloud says that it did, as CloudEvents; empty for what is none of its messages. */
export function storageEvents(payload: unknown, requestId: string): readonly CloudEvent[] {
  const { events, Records: records } = fields(payload)
  if (Array.isArray(events)) return events.flatMap((event, at) => ossEvent(event, `${requestId}-${at}`))
  if (Array.isArray(records)) return records.flatMap((record, at) => cosEvent(record, `${requestId}-${at}`))
  return []
}

/** @see https://www.alibabacloud.com/help/en/functioncompute/formats-of-event-for-different-triggers */
function ossEvent(event: unknown, id: string): CloudEvent[] {
  const { eventName, eventTime, oss } = fields(event)
  const { bucket, object } = fields(oss)
  const [{ name }, { key }] = [fields(bucket), fields(object)]
  if (typeof eventName !== 'string' || typeof name !== 'string' || typeof key !== 'string') return []
  const source = `/oss/${encodeURIComponent(name)}`
  return [described({ id, source, type: `oss.${eventName}`, subject: key, time: eventTime, data: event })]
}

/** Its key is `/appid/bucket/key`. @see https://cloud.tencent.com/document/product/583/9707 */
function cosEvent(record: unknown, id: string): CloudEvent[] {
  const { cos, event } = fields(record)
  const { cosBucket, cosObject } = fields(cos)
  const { eventName, eventTime } = fields(event)
  const [{ name }, { key }] = [fields(cosBucket), fields(cosObject)]
  if (typeof eventName !== 'string' || typeof name !== 'string' || typeof key !== 'string') return []
  const source = `/cos/${encodeURIComponent(name)}`
  const subject = key.replace(/^\/[^/]+\/[^/]+\//, '')
  const time = typeof eventTime === 'number' ? new Date(eventTime * 1_000).toISOString() : undefined
  // It calls its events `cos:ObjectCreated:Put`.
  const type = `cos.${eventName.replace(/^cos:/, '')}`
  return [described({ id, source, type, subject, time, data: record })]
}

function described(event: {
  readonly id: string
  readonly source: string
  readonly type: string
  readonly subject: string
  readonly time: unknown
  readonly data: unknown
}): CloudEvent {
  const { time, ...rest } = event
  return { specversion: '1.0', ...rest, ...(typeof time === 'string' ? { time } : {}) }
}

/** The event itself where it already is a CloudEvent, as EventBridge and Knative's structured mode send them. */
export function givenCloudEvent(payload: unknown): CloudEvent | undefined {
  const { specversion, id, source, type, time, subject, data } = fields(payload)
  if (specversion !== '1.0' || typeof id !== 'string') return undefined
  if (typeof source !== 'string' || typeof type !== 'string') return undefined
  return {
    specversion,
    id,
    source,
    type,
    data,
    ...(typeof time === 'string' ? { time } : {}),
    ...(typeof subject === 'string' ? { subject } : {}),
  }
}

/** A CloudEvent whose attributes are headers, its data being the body. @see CloudEvents HTTP binding 1.0.2 §3.1 */
export function binaryCloudEvent(headers: Headers, data: unknown): CloudEvent | undefined {
  const attributes = ['specversion', 'id', 'source', 'type', 'time', 'subject'].map((name) => {
    const value = headers.get(`ce-${name}`)
    return [name, value === null ? undefined : unescaped(value)]
  })
  return givenCloudEvent({ ...Object.fromEntries(attributes), data })
}

/** @see CloudEvents HTTP binding 1.0.2 §3.1.3.2: what is no printable ASCII is percent-encoded UTF-8 */
function unescaped(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}
