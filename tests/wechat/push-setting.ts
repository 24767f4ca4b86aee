import { readFileSync } from 'node:fs'
import { parse } from 'valibot'
import { Fault } from '#shared/errors.ts'
import { secret } from '#shared/secret.ts'
import { createMessagePush, type MessagePush } from '#shared/wechat/message-push.ts'
import { PushQuery, UrlQuestion } from '#shared/wechat/message-push-query.ts'

type Query = Readonly<Record<string, string>>

interface Vectors {
  readonly official: {
    readonly token: string
    readonly EncodingAESKey: string
    readonly appid: string
    readonly url_verify: { readonly query: Query; readonly reply: string }
    readonly plain_push: { readonly query: Query; readonly body: Readonly<Record<string, unknown>> }
    readonly secure_push: {
      readonly query: Query
      readonly body: { readonly ToUserName: string; readonly Encrypt: string }
      readonly random: string
      readonly msg: string
    }
    readonly secure_reply: Readonly<
      Record<'random' | 'msg' | 'Nonce' | 'Encrypt' | 'MsgSignature', string>
    > & {
      readonly TimeStamp: number
    }
  }
  readonly wxbiz_demo: {
    readonly token: string
    readonly EncodingAESKey: string
    readonly appid: string
    readonly encrypt: readonly Readonly<Record<'random' | 'msg' | 'Encrypt', string>>[]
    readonly decrypt: readonly Readonly<
      Record<'timestamp' | 'nonce' | 'msg_signature' | 'Encrypt' | 'msg', string>
    >[]
  }
}

const file = new URL('../vectors/mp-message-push.json', import.meta.url)
/** WeChat's own examples. */
export const VECTORS = JSON.parse(readFileSync(file, 'utf8')) as Vectors // its shape is what the tests rely on

export interface PushChanges {
  readonly token?: string
  readonly encodingAesKey?: string
  readonly appId?: string
  /** Epoch seconds. */
  readonly nowS: number | string
}

/** The reader of the official example, in the plain mode unless a key is given. */
export function officialPush({ token, encodingAesKey, appId, nowS }: PushChanges): MessagePush {
  return createMessagePush({
    token: secret(token ?? VECTORS.official.token),
    ...(encodingAesKey === undefined ? {} : { encodingAesKey: secret(encodingAesKey) }),
    appId: appId ?? VECTORS.official.appid,
    clock: () => Number(nowS) * 1_000,
  })
}

export function urlQuestion(query: Query): UrlQuestion {
  return parse(UrlQuestion, query)
}

export function pushQuery(query: Query): PushQuery {
  return parse(PushQuery, query)
}

export function bytesOf(body: unknown): Uint8Array {
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
}

/** The fault that `work` ends with. */
export function thrown(work: () => unknown): Fault {
  try {
    work()
  } catch (error) {
    if (error instanceof Fault) return error
    throw error
  }
  throw new TypeError('It ended without a fault')
}
