import { randomBytes, randomInt } from 'node:crypto'
import { createPushCipher } from '#shared/wechat/message-push-cipher.ts'
import { pushSignature } from '#shared/wechat/message-push-signature.ts'
import { messageXml } from '#shared/wechat/message-xml.ts'

/** Where messages are pushed, as the mini-program console is told. */
export interface PushTarget {
  readonly url: string
  readonly token: string
  /** Wanted in every mode but the plain one. */
  readonly encodingAesKey?: string | undefined
  readonly mode: 'plain' | 'compatible' | 'secure'
  readonly format: 'json' | 'xml'
}

export type PushMessage = Readonly<Record<string, unknown>>

export interface PushRequest {
  readonly url: URL
  readonly contentType: string
  readonly body: string
}

export interface Sender {
  readonly appId: string
  readonly nowMs: number
}

type Fields = Readonly<Record<string, unknown>>

/** What a message's body is made of, the sealed message given. */
const BODIES: Readonly<Record<PushTarget['mode'], (message: PushMessage, sealed: string) => Fields>> = {
  plain: (message) => message,
  compatible: (message, Encrypt) => ({ ...message, Encrypt }),
  secure: ({ ToUserName }, Encrypt) => ({ ToUserName, Encrypt }),
}

const FORMATS: Readonly<
  Record<PushTarget['format'], { readonly contentType: string; readonly write: (fields: Fields) => string }>
> = {
  json: { contentType: 'application/json', write: (fields) => JSON.stringify(fields) },
  xml: { contentType: 'text/xml', write: messageXml },
}

/** The request that pushes a message; signed anew each time, as the nonce is another one. */
export function pushRequest(target: PushTarget, message: PushMessage, sender: Sender): PushRequest {
  const { contentType, write } = FORMATS[target.format]
  const { url, timestamp, nonce } = signedUrl(target, sender)
  url.searchParams.set('openid', String(message['FromUserName']))
  if (target.mode === 'plain') return { url, contentType, body: write(BODIES.plain(message, '')) }
  const sealed = createPushCipher({
    encodingAesKey: target.encodingAesKey ?? '',
    appId: sender.appId,
  }).encrypt(write(message))
  url.searchParams.set('encrypt_type', 'aes')
  url.searchParams.set('msg_signature', pushSignature([target.token, timestamp, nonce, sealed]))
  return { url, contentType, body: write(BODIES[target.mode](message, sealed)) }
}

/** The question that the console asks before it takes a URL. The right answer is `echostr`. */
export function urlQuestion(
  target: PushTarget,
  sender: Sender,
): { readonly url: URL; readonly echostr: string } {
  const { url } = signedUrl(target, sender)
  const echostr = BigInt(`0x${randomBytes(8).toString('hex')}`).toString()
  url.searchParams.set('echostr', echostr)
  return { url, echostr }
}

function signedUrl({ url: base, token }: PushTarget, { nowMs }: Sender) {
  const url = new URL(base)
  const timestamp = String(Math.floor(nowMs / 1_000))
  const nonce = String(randomInt(1_000_000, 2_000_000_000))
  url.searchParams.set('signature', pushSignature([token, timestamp, nonce]))
  url.searchParams.set('timestamp', timestamp)
  url.searchParams.set('nonce', nonce)
  return { url, timestamp, nonce }
}
