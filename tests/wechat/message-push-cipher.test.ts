import { createCipheriv } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { createPushCipher } from '#shared/wechat/message-push-cipher.ts'
import { VECTORS } from './push-setting.ts'

const { official, wxbiz_demo: demo } = VECTORS
const encodingAesKey = demo.EncodingAESKey
const cipher = createPushCipher({ encodingAesKey, appId: demo.appid })

/** Seals a frame as it is given, padding and all. */
function sealedFrame(frame: Uint8Array): string {
  const key = Buffer.from(`${encodingAesKey}=`, 'base64')
  const raw = createCipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false)
  return raw.update(frame, undefined, 'base64') + raw.final('base64')
}

function frame(message: string, { length = Buffer.byteLength(message), appId = demo.appid } = {}): Buffer {
  const size = Buffer.alloc(4)
  size.writeUInt32BE(length)
  return Buffer.concat([Buffer.alloc(16, 'r'), size, Buffer.from(message), Buffer.from(appId)])
}

function padded(bytes: Buffer, size = 32 - (bytes.byteLength % 32), value = size): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(size, value)])
}

/** With another byte third from the end. */
function uneven(bytes: Buffer): Buffer {
  return bytes.fill(7, bytes.byteLength - 3, bytes.byteLength - 2)
}

describe('the cipher of the message push', () => {
  test.each(demo.encrypt)('seals and opens the example $msg', ({ random, msg, Encrypt }) => {
    expect(cipher.encrypt(msg, Buffer.from(random))).toBe(Encrypt)
    expect(cipher.decrypt(Encrypt)).toBe(msg)
  })

  test.each(demo.decrypt)('opens the example $msg', ({ msg, Encrypt }) => {
    expect(cipher.decrypt(Encrypt)).toBe(msg)
  })

  test('seals as the documentation does', () => {
    const { secure_push: push } = official
    const own = createPushCipher({ encodingAesKey: official.EncodingAESKey, appId: official.appid })

    expect(own.encrypt(push.msg, Buffer.from(push.random))).toBe(push.body.Encrypt)
    expect(own.decrypt(push.body.Encrypt)).toBe(push.msg)
  })

  test('any text comes back, and never twice in the same form', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => {
        const [one, other] = [cipher.encrypt(text), cipher.encrypt(text)]

        expect([cipher.decrypt(one), cipher.decrypt(other)]).toEqual([text, text])
        expect(one).not.toBe(other)
      }),
    )
  })

  test('one changed bit opens to nothing, or to a text that its signature would not cover', () => {
    const sealed = Buffer.from(cipher.encrypt('{"MsgType":"text"}'), 'base64')
    fc.assert(
      fc.property(fc.nat(sealed.byteLength - 1), fc.nat(7), (at, bit) => {
        const changed = Buffer.from(sealed)
        changed.writeUInt8(changed.readUInt8(at) ^ (1 << bit), at)

        expect(cipher.decrypt(changed.toString('base64'))).not.toBe('{"MsgType":"text"}')
      }),
    )
  })

  test('whatever arrives opens to a text or to nothing', () => {
    fc.assert(
      fc.property(fc.oneof(fc.base64String(), fc.string()), (text) => {
        expect(cipher.decrypt(text)).toBeUndefined()
      }),
    )
  })

  test.each([
    ['no bytes', Buffer.alloc(0)],
    ['half a block', Buffer.alloc(16, 16)],
    ['no padding', frame('x'.repeat(32 - 20 - demo.appid.length + 32))],
    ['padding of 0', padded(frame('hi'), undefined, 0)],
    ['padding of more than a block', padded(frame('hi'), undefined, 33)],
    ['padding that is not all the same', uneven(padded(frame('hi')))],
    ['padding that reaches into the frame', Buffer.alloc(32, 32)],
    ['a length beyond the end', padded(frame('hi', { length: 0xffffffff }))],
    ['a length that eats the appid', padded(frame('hi', { length: 2 + demo.appid.length }))],
    ['a length that leaves some of the message', padded(frame('hi', { length: 1 }))],
    ['another appid', padded(frame('hi', { appId: 'wxb11529c136998cb7' }))],
    ['a longer appid', padded(frame('hi', { appId: `${demo.appid}x` }))],
    ['no appid', padded(frame('hi', { appId: '' }))],
  ])('%s opens to nothing', (_, bytes) => {
    expect(cipher.decrypt(sealedFrame(bytes))).toBeUndefined()
  })

  test('the whole last block may be padding', () => {
    const whole = frame('x'.repeat(64 - 20 - demo.appid.length))

    expect(whole.byteLength % 32).toBe(0)
    expect(cipher.decrypt(sealedFrame(padded(whole)))).toHaveLength(64 - 20 - demo.appid.length)
  })

  test('bytes that are no UTF-8 open to nothing', () => {
    const size = Buffer.from([0, 0, 0, 2])
    const bytes = Buffer.concat([Buffer.alloc(16), size, Buffer.from([0xc3, 0x28]), Buffer.from(demo.appid)])

    expect(cipher.decrypt(sealedFrame(padded(bytes)))).toBeUndefined()
  })

  test.each(['====', 'AAA', 'AA A', 'AAAA\n', '-_-_', 'é'])('%j is no base64', (text) => {
    expect(cipher.decrypt(text)).toBeUndefined()
  })
})
