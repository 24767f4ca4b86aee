import type { IncomingMessage, ServerResponse } from 'node:http'
import { listen } from '#scripts/emulator/listen.ts'
import { type Clock, systemClock } from '#shared/clock.ts'
import { send } from './answer.ts'
import { answerCall } from './answer-call.ts'
import { type Control, createControl } from './control.ts'
import { controlAnswer } from './control-routes.ts'
import { createWorld, resetWorld } from './world.ts'

export interface WechatStandInOptions {
  /** Any free one unless given. */
  readonly port?: number
  readonly appId: string
  readonly secret: string
  readonly clock?: Clock
  /** Logins of one person a minute before 45011; 100 unless given, as the older documentation says. */
  readonly loginsPerMinute?: number
  /** How long the answer to a push may take; 5 seconds unless given, as WeChat's own. */
  readonly pushTimeoutMs?: number
  /** Before a push is tried again; a second unless given. */
  readonly pushPauseMs?: number
  /** Before the verdict about a file is pushed; 200 ms unless given. */
  readonly mediaCheckMs?: number
}

/** A server that answers like api.weixin.qq.com for one mini-program, all in memory. */
export interface WechatStandIn {
  /** `http://127.0.0.1:<port>`, to use as the client's base URL. */
  readonly url: string
  readonly control: Control
  stop(): Promise<void>
}

const DEFAULTS = {
  clock: systemClock,
  loginsPerMinute: 100,
  pushTimeoutMs: 5_000,
  pushPauseMs: 1_000,
  mediaCheckMs: 200,
} as const
const MAX_BODY_CHARS = 1024 * 1024

/** Starts the stand-in on 127.0.0.1. Codes and tokens age by `clock`. */
export async function startWechat(options: WechatStandInOptions): Promise<WechatStandIn> {
  const { port = 0, ...given } = options
  const world = createWorld({ ...DEFAULTS, ...given })
  const control = createControl(world)
  const stopping = new AbortController()

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://stand-in')
    const text = await readText(request)
    const isControl = url.pathname.startsWith('/_control/')
    if (isControl) return send(response, await controlAnswer(control, request, url, text))
    await answerCall(world, { request, response, url, text }, stopping.signal)
  }

  const listening = await listen(serve, port)

  function stop(): Promise<void> {
    stopping.abort()
    resetWorld(world)
    return listening.stop()
  }

  return { url: listening.url, control, stop }
}

async function readText(request: IncomingMessage): Promise<string> {
  let text = ''
  request.setEncoding('utf8')
  for await (const part of request) {
    text += part
    if (text.length > MAX_BODY_CHARS) throw new RangeError('The request is too long')
  }
  return text
}
