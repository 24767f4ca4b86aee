import { readPushBody } from '#shared/wechat/message-push-body.ts'
import { createPushCipher } from '#shared/wechat/message-push-cipher.ts'
import { pushSignature } from '#shared/wechat/message-push-signature.ts'
import type { PushTarget } from './push-request.ts'

type Fields = Readonly<Record<string, unknown>>

/** What a push was answered with, opened; undefined for what WeChat would not take for a reply. */
export function readReply(
  { mode, token, encodingAesKey = '' }: PushTarget,
  appId: string,
  text: string,
): Fields | undefined {
  try {
    const { fields } = readPushBody(text)
    const { Encrypt: sealed, MsgSignature: signature, TimeStamp: timestamp, Nonce: nonce } = fields
    if (typeof sealed !== 'string') return mode === 'secure' ? undefined : fields
    const signed = pushSignature([token, String(timestamp), String(nonce), sealed])
    const opened =
      signature === signed ? createPushCipher({ encodingAesKey, appId }).decrypt(sealed) : undefined
    return opened === undefined ? undefined : readPushBody(opened).fields
  } catch {
    return undefined // neither JSON nor XML
  }
}
