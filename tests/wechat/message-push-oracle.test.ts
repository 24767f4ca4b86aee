import { describe, expect, test } from '@jest/globals'
import { decrypt, encrypt, getSignature } from '@wecom/crypto'
import * as fc from 'fast-check'
import { createPushCipher } from '#shared/wechat/message-push-cipher.ts'
import { pushSignature } from '#shared/wechat/message-push-signature.ts'
import { VECTORS } from './push-setting.ts'

// @wecom/crypto is Tencent's own, for WeCom, whose pushes have the same form.

const { EncodingAESKey: encodingAesKey, appid: appId, token } = VECTORS.wxbiz_demo
const cipher = createPushCipher({ encodingAesKey, appId })
const text = fc.string({ unit: 'grapheme', maxLength: 300 })

describe("Tencent's package and ours", () => {
  test('we open what it seals', () => {
    fc.assert(
      fc.property(text, (message) => {
        expect(cipher.decrypt(encrypt(encodingAesKey, message, appId))).toBe(message)
      }),
    )
  })

  test('it opens what we seal', () => {
    fc.assert(
      fc.property(text, (message) => {
        expect(decrypt(encodingAesKey, cipher.encrypt(message))).toMatchObject({ message, id: appId })
      }),
    )
  })

  test('both seal the same bytes with the same random ones', () => {
    const random = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes))
    fc.assert(
      fc.property(text, random, (message, bytes) => {
        expect(cipher.encrypt(message, bytes)).toBe(encrypt(encodingAesKey, message, appId, bytes))
      }),
    )
  })

  test('both sign alike', () => {
    const digits = fc.stringMatching(/^\d{1,12}$/)
    fc.assert(
      fc.property(digits, digits, text, (timestamp, nonce, message) => {
        const sealed = cipher.encrypt(message)

        expect(pushSignature([token, timestamp, nonce, sealed])).toBe(
          getSignature(token, timestamp, nonce, sealed),
        )
      }),
    )
  })
})
