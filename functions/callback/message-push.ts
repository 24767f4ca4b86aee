import { Fault } from '#shared/errors.ts'
import { readBytes } from '#shared/http/read-body.ts'
import { type Call, type Refusal, type Route, route } from '#shared/http/route.ts'
import { messageXml } from '#shared/wechat/message-xml.ts'
import { PushQuery, UrlQuestion } from '#shared/wechat/message-push-query.ts'
import type { MessagePush } from '#shared/wechat/message-push.ts'
import { ERASING, EVENTS } from './events.ts'
import { receivedFrom } from './received.ts'
import { logRefusal } from './refusals.ts'
import { REPLIES } from './replies.ts'
import { type Push, takePush, type TakePushOptions, WECHAT_MESSAGE } from './take-push.ts'

export interface MessagePushRoutesOptions extends TakePushOptions {
  readonly push: MessagePush
  /** Whether pushes come encrypted; others are refused where they should. */
  readonly isSealed: boolean
}

const PATH = '/callback/wechat-message'
const MAX_BYTES = 64 * 1024
/** What WeChat takes for "received"; anything else but a reply has it push again. */
const RECEIVED = 'success'

const FORMATS = {
  json: { type: 'application/json', write: JSON.stringify },
  xml: { type: 'text/xml', write: messageXml },
} as const

export function messagePushRoutes(options: MessagePushRoutesOptions): readonly Route[] {
  const { push, logger, clock } = options

  /** POST /callback/wechat-message?timestamp&nonce&signature&msg_signature → 200 success, or a reply */
  async function receive(call: Call<unknown, PushQuery>): Promise<Response> {
    const { request, signal } = call
    const body = await readBytes(request, MAX_BYTES, signal)
    const message = push.read(call.query, body)
    const { event: pushed, msgType, format } = message
    const handler = rowOf(EVENTS, pushed)
    const reply = rowOf(REPLIES, pushed ?? msgType)
    if (!options.isSealed && ERASING.has(pushed ?? '')) throw notSealed()
    if (handler !== undefined) await handle({ message, handler, received: receivedFrom(request, body) }, call)
    if (reply === undefined) {
      const { requestId } = call.invocation
      if (handler === undefined) logger.info('callback.ignored', { requestId, msgType, pushed })
      return answer(RECEIVED, 'text/plain')
    }
    const { type, write } = FORMATS[format]
    const { nonce } = call.query
    return answer(push.reply(write(reply(message, clock())), { nonce, format }), type)
  }

  async function handle(
    pushed: Omit<Push, 'requestId' | 'clientIp'>,
    { invocation: { requestId, clientIp }, signal }: Pick<Call, 'invocation' | 'signal'>,
  ): Promise<void> {
    try {
      await takePush(options, { ...pushed, requestId, clientIp }, signal)
    } catch (cause) {
      if (!(cause instanceof Fault))
        logger.error('callback.failed', { requestId, pushed: pushed.message.event, cause })
      // Another message under a known id stays one; whatever else went wrong, pushed again it may well succeed.
      else if (cause.error === 'idempotency_mismatch') throw cause
      throw new Fault('unavailable', { cause })
    }
  }

  const onRefusal = (refusal: Refusal) => logRefusal(logger, WECHAT_MESSAGE, refusal)
  return [
    /** GET /callback/wechat-message?signature&timestamp&nonce&echostr → 200 echostr: whether the URL is ours */
    route({
      method: 'GET',
      path: PATH,
      query: UrlQuestion,
      handle: async ({ query }) => answer(push.verifyUrl(query), 'text/plain'),
      onRefusal,
    }),
    route({ method: 'POST', path: PATH, query: PushQuery, handle: receive, onRefusal }),
  ]
}

/** The signature of a plain push covers its time, not what it says: whoever has read one could erase anybody. */
function notSealed(): Fault {
  return new Fault('forbidden', { details: [{ reason: 'not_sealed' }] })
}

/** A table's own row: a push may bear the name of what every object has. */
function rowOf<Row>(table: Readonly<Record<string, Row>>, name: string | undefined): Row | undefined {
  return name !== undefined && Object.hasOwn(table, name) ? table[name] : undefined
}

/** In the form that WeChat wants; never as anything that a browser would run, since an echo is not ours to say. */
function answer(body: string, type: 'text/plain' | 'application/json' | 'text/xml'): Response {
  return new Response(body, {
    headers: {
      'content-type': `${type}; charset=utf-8`,
      'content-length': String(Buffer.byteLength(body)),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    },
  })
}
