import { Fault } from '#shared/errors.ts'
import { readBytes } from '#shared/http/read-body.ts'
import { type Call, type Route, route } from '#shared/http/route.ts'
import type { Logger } from '#shared/telemetry/logger.ts'
import { PushQuery, UrlQuestion } from '#shared/wechat/message-push-query.ts'
import type { MessagePush } from '#shared/wechat/message-push.ts'
import type { PushedMessage } from '#shared/wechat/pushed-message.ts'
import { type EventPorts, EVENTS } from './events.ts'

export interface MessagePushRoutesOptions extends EventPorts {
  readonly push: MessagePush
  readonly logger: Logger
}

const PATH = '/callback/wechat-message'
const MAX_BYTES = 64 * 1024
/** What WeChat takes for "received"; anything else has it push again. */
const RECEIVED = 'success'

export function messagePushRoutes(options: MessagePushRoutesOptions): readonly Route[] {
  const { push } = options

  /** POST /callback/wechat-message?timestamp&nonce&signature&msg_signature → 200 success */
  async function receive(call: Call<unknown, PushQuery>): Promise<Response> {
    const message = push.read(call.query, await readBytes(call.request, MAX_BYTES, call.signal))
    await handle(message, options, call)
    return text(RECEIVED)
  }

  return [
    /** GET /callback/wechat-message?signature&timestamp&nonce&echostr → 200 echostr: whether the URL is ours */
    route({
      method: 'GET',
      path: PATH,
      query: UrlQuestion,
      handle: async ({ query }) => text(push.verifyUrl(query)),
    }),
    route({ method: 'POST', path: PATH, query: PushQuery, handle: receive }),
  ]
}

async function handle(
  message: PushedMessage,
  { logger, ...ports }: MessagePushRoutesOptions,
  { invocation: { requestId }, signal }: Pick<Call, 'invocation' | 'signal'>,
): Promise<void> {
  const { event: pushed, msgType } = message
  const handler = pushed !== undefined && Object.hasOwn(EVENTS, pushed) ? EVENTS[pushed] : undefined
  if (handler === undefined) return logger.info('callback.ignored', { requestId, msgType, pushed })
  try {
    await handler(message, ports, signal)
  } catch (cause) {
    if (!(cause instanceof Fault)) logger.error('callback.failed', { requestId, pushed, cause })
    // Pushed again it may well succeed, whatever went wrong.
    throw new Fault('unavailable', { cause })
  }
}

/** In the form that WeChat wants; as text alone, since an echo is not ours to say. */
function text(body: string): Response {
  return new Response(body, {
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'content-length': String(Buffer.byteLength(body)),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    },
  })
}
