import type { Clock } from '#shared/clock.ts'
import { Fault } from '#shared/errors.ts'
import type { Secret } from '#shared/secret.ts'
import { type PushFormat, pushText, readPushBody } from './message-push-body.ts'
import { createPushCipher, type PushCipher } from './message-push-cipher.ts'
import type { PushQuery, UrlQuestion } from './message-push-query.ts'
import { pushSignature, sameSignature } from './message-push-signature.ts'
import { type PushedMessage, pushedMessage } from './pushed-message.ts'

export interface MessagePushOptions {
  /** As entered in the mini-program console, 3 to 32 letters and digits. */
  readonly token: Secret
  /** The console's EncodingAESKey, 43 letters and digits; with it nothing unencrypted is taken. */
  readonly encodingAesKey?: Secret | undefined
  readonly appId: string
  readonly clock: Clock
}

export interface MessagePush {
  /** What to answer to WeChat's question whether the URL is ours. @throws Fault signature_invalid, clock_skew */
  verifyUrl(query: UrlQuestion): string
  /**
   * The message of a push that WeChat signed.
   *
   * @throws Fault validation_failed, clock_skew, signature_invalid, the latter with the reason `encryption_required` for
   * a plain push where there is a key
   */
  read(query: PushQuery, body: Uint8Array): PushedMessage
  /** A text to answer a push with, encrypted where there is a key. */
  reply(text: string, to: ReplyTo): string
}

export interface ReplyTo {
  /** The push's own. */
  readonly nonce: string
  readonly format: PushFormat
}

const MINUTE_MS = 60_000
/** A plain signature says nothing about the body: while it lives, whoever has read one may send anything. */
const PLAIN_LIFE_MS = 10 * MINUTE_MS
/** An encrypted push can only be repeated, which handlers bear, and may come late: some are tried again for hours. */
const SEALED_LIFE_MS = 24 * 60 * MINUTE_MS
const AHEAD_MS = 10 * MINUTE_MS

const ADVICE = {
  otherKey: 'A push does not open: WECHAT_PUSH_AES_KEY or WECHAT_APP_ID differs from the console',
  plain: 'A push came unencrypted: choose the secure mode in the console, or remove WECHAT_PUSH_AES_KEY',
  sealed: 'A push came encrypted: set WECHAT_PUSH_AES_KEY, or choose the plain mode in the console',
} as const

/** Reads what WeChat pushes to the URL of one mini-program. */
export function createMessagePush({ token, encodingAesKey, appId, clock }: MessagePushOptions): MessagePush {
  const cipher = encodingAesKey && createPushCipher({ encodingAesKey: encodingAesKey.reveal(), appId })

  function verifyUrl({ signature, timestamp, nonce, echostr }: UrlQuestion): string {
    requireSigned(signature, [timestamp, nonce])
    requireRecent(timestamp, PLAIN_LIFE_MS)
    return echostr
  }

  function read(query: PushQuery, body: Uint8Array): PushedMessage {
    return cipher === undefined ? readPlain(query, body) : readSealed(query, body, cipher)
  }

  function readPlain(query: PushQuery, body: Uint8Array): PushedMessage {
    requireSigned(given(query, 'signature'), [query.timestamp, query.nonce])
    requireRecent(query.timestamp, PLAIN_LIFE_MS)
    const parts = readPushBody(pushText(body))
    if ('Encrypt' in parts.fields && !('MsgType' in parts.fields)) throw unreadable(ADVICE.sealed)
    return pushedMessage(parts)
  }

  function readSealed(query: PushQuery, body: Uint8Array, sealed: PushCipher): PushedMessage {
    const { Encrypt: encrypted } = readPushBody(pushText(body)).fields
    // In compatible mode the message stands beside it in plain, too, where no signature covers it.
    if (typeof encrypted !== 'string') throw downgraded(query)
    requireSigned(given(query, 'msg_signature'), [query.timestamp, query.nonce, encrypted])
    requireRecent(query.timestamp, SEALED_LIFE_MS)
    const text = sealed.decrypt(encrypted)
    if (text === undefined) throw unreadable(ADVICE.otherKey)
    return pushedMessage(readPushBody(text))
  }

  /** The operator is told only when the push is WeChat's: anybody can send something unencrypted. */
  function downgraded({ signature, timestamp, nonce }: PushQuery): Fault {
    const details = [{ reason: 'encryption_required' }]
    if (signature === undefined || !isSigned(signature, [timestamp, nonce]))
      return new Fault('signature_invalid', { details })
    return new Fault('signature_invalid', { details, cause: new TypeError(ADVICE.plain) })
  }

  function requireSigned(signature: string, parts: readonly string[]): void {
    if (!isSigned(signature, parts)) throw new Fault('signature_invalid')
  }

  function isSigned(signature: string, parts: readonly string[]): boolean {
    return sameSignature(signature, pushSignature([token.reveal(), ...parts]))
  }

  function requireRecent(timestamp: string, lifeMs: number): void {
    const ageMs = clock() - Number(timestamp) * 1_000
    if (ageMs > lifeMs || ageMs < -AHEAD_MS)
      throw new Fault('clock_skew', { details: [{ serverTime: new Date(clock()).toISOString() }] })
  }

  function reply(text: string, { nonce, format }: ReplyTo): string {
    if (cipher === undefined) return text
    const timestampS = Math.floor(clock() / 1_000)
    const encrypted = cipher.encrypt(text)
    const signature = pushSignature([token.reveal(), String(timestampS), nonce, encrypted])
    return REPLIES[format](encrypted, signature, timestampS, nonce)
  }

  return { verifyUrl, read, reply }
}

type WriteReply = (encrypted: string, signature: string, timestampS: number, nonce: string) => string

const REPLIES: Readonly<Record<PushFormat, WriteReply>> = {
  json: (Encrypt, MsgSignature, TimeStamp, Nonce) =>
    JSON.stringify({ Encrypt, MsgSignature, TimeStamp, Nonce }),
  xml: (encrypted, signature, timestampS, nonce) =>
    `<xml><Encrypt><![CDATA[${encrypted}]]></Encrypt><MsgSignature><![CDATA[${signature}]]></MsgSignature>` +
    `<TimeStamp>${timestampS}</TimeStamp><Nonce><![CDATA[${nonce}]]></Nonce></xml>`,
}

function given(query: PushQuery, path: 'signature' | 'msg_signature'): string {
  const signature = query[path]
  if (signature !== undefined) return signature
  throw new Fault('validation_failed', { details: [{ path, message: 'is required' }] })
}

function unreadable(advice: string): Fault {
  return new Fault('signature_invalid', { cause: new TypeError(advice) })
}
