import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '#shared/clock.ts'
import { type PushMessage, pushRequest, type PushTarget, urlQuestion } from './push-request.ts'
import { readReply } from './read-reply.ts'

/** What became of one message. */
export interface Delivery {
  readonly message: PushMessage
  /** One text a try: the HTTP status and the answer, or why there is none. Empty where nobody was to be told. */
  readonly tries: readonly string[]
  readonly isReceived: boolean
  /** The fields of the answer, opened, where it was more than `success`. */
  readonly reply?: Readonly<Record<string, unknown>>
}

/** Pushes messages to the URL of the mini-program. */
export interface Pusher {
  /** From now on, also after a reset, messages go there. @throws TypeError when the mode needs a key that is not given */
  pushTo(target: PushTarget): void
  /**
   * Pushes the message, three times at most, in another way than usual where that is given; what it lacks of the fields that
   * all have is added.
   *
   * @throws TypeError when the mode needs a key that is not given
   */
  push(message: PushMessage, how?: PushWay): Promise<Delivery>
  /** Asks whether the URL answers as the console wants it. */
  askUrl(): Promise<boolean>
  /** What has been pushed, in the order in which it ended. */
  deliveries(): readonly Delivery[]
  /** Ends what is under way. */
  clear(): void
}

/** Where the console would have to be changed for it. */
export type PushWay = Partial<Pick<PushTarget, 'mode' | 'format'>>

export interface PusherOptions {
  readonly appId: string
  readonly clock: Clock
  /** How long an answer may take; WeChat gives 5 seconds. */
  readonly timeoutMs: number
  /** Before the next try; WeChat doesn't say how long it waits. */
  readonly pauseMs: number
}

const MAX_TRIES = 3
/** The mini-program's own name, and that under which the platform writes. */
const TO = 'gh_0123456789ab'
const FROM = 'oplatform'
const AES_KEY = /^[A-Za-z0-9]{43}$/

export function createPusher({ appId, clock, timeoutMs, pauseMs }: PusherOptions): Pusher {
  const delivered: Delivery[] = []
  let target: PushTarget | undefined
  let ending = new AbortController()

  async function push(given: PushMessage, how: PushWay = {}): Promise<Delivery> {
    const CreateTime = Math.floor(clock() / 1_000)
    const message = { ToUserName: TO, FromUserName: FROM, CreateTime, MsgType: 'event', ...given }
    const to = target && checked({ ...target, ...how })
    const delivery = await deliver(to, message, ending.signal)
    if (!ending.signal.aborted) delivered.push(delivery)
    return delivery
  }

  async function deliver(
    to: PushTarget | undefined,
    message: PushMessage,
    signal: AbortSignal,
  ): Promise<Delivery> {
    const tries: string[] = []
    if (to === undefined) return { message, tries, isReceived: false }
    while (tries.length < MAX_TRIES && !signal.aborted) {
      if (tries.length > 0) await delay(pauseMs, undefined, { signal }).catch(() => {}) // the loop ends
      const { said, ...outcome } = await once(to, message, signal)
      tries.push(said)
      if (outcome.isReceived) return { message, tries, ...outcome }
    }
    return { message, tries, isReceived: false }
  }

  async function once(to: PushTarget, message: PushMessage, signal: AbortSignal) {
    const { url, contentType, body } = pushRequest(to, message, { appId, nowMs: clock() })
    const headers = { 'content-type': contentType }
    const answer = await ask(url, { method: 'POST', headers, body }, signal)
    if (typeof answer === 'string') return { isReceived: false, said: answer }
    const { status, text } = answer
    const said = `${status} ${text}`.trim()
    if (status === 200 && (text === '' || text === 'success')) return { isReceived: true, said }
    const reply = status === 200 ? readReply(to, appId, text) : undefined
    return { isReceived: reply !== undefined, said, ...(reply === undefined ? {} : { reply }) }
  }

  /** The answer, or why there is none. */
  async function ask(url: URL, init: RequestInit, signal: AbortSignal) {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    try {
      const response = await fetch(url, { ...init, redirect: 'manual', signal: limit })
      return { status: response.status, text: await response.text() }
    } catch {
      return limit.aborted ? 'no answer in time' : 'no connection'
    }
  }

  async function askUrl(): Promise<boolean> {
    if (target === undefined) return false
    const { url, echostr } = urlQuestion(target, { appId, nowMs: clock() })
    const answer = await ask(url, {}, ending.signal)
    return typeof answer !== 'string' && answer.status === 200 && answer.text === echostr
  }

  return {
    pushTo(next) {
      target = checked(next)
    },
    push,
    askUrl,
    deliveries: () => [...delivered],
    clear() {
      ending.abort()
      ending = new AbortController()
      delivered.length = 0
    },
  }
}

function checked(target: PushTarget): PushTarget {
  if (target.mode !== 'plain' && !AES_KEY.test(target.encodingAesKey ?? ''))
    throw new TypeError(`The ${target.mode} mode needs an encodingAesKey of 43 letters and digits`)
  return target
}
