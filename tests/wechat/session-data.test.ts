import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { Fault } from '#shared/errors.ts'
import { decryptData, type SealedData } from '#shared/wechat/decrypt-data.ts'
import { verifyRawData } from '#shared/wechat/raw-data.ts'
import { sessionSignature } from '#shared/wechat/session-signature.ts'
import { startSetting } from './instances.ts'

interface Signed {
  readonly session_key: string
  readonly message: string
}

interface Encrypted {
  readonly name: string
  readonly session_key: string
  readonly iv: string
  readonly encryptedData: string
}

function vectors(name: string): unknown {
  return JSON.parse(readFileSync(`tests/vectors/mp-${name}.json`, 'utf8'))
}

// The vector files are ours, and these are their shapes.
const rawData = vectors('rawdata-signature') as {
  readonly vectors: readonly {
    readonly rawData: string
    readonly session_key: string
    readonly signature: string
  }[]
}
const encrypted = vectors('encrypted-data') as {
  readonly vectors: readonly (Encrypted & { readonly appId: string; readonly decrypted: unknown })[]
  readonly negative_vectors: readonly Encrypted[]
}
const signatures = vectors('session-signature') as {
  readonly vectors: readonly (Signed & { readonly signature: string })[]
  readonly derived: readonly (Signed & { readonly signature: string })[]
  readonly negative: readonly (Signed & { readonly signature_if_key_is_base64_decoded: string })[]
}

describe('sessionSignature', () => {
  test.each([...signatures.vectors, ...signatures.derived])(
    'is $signature',
    ({ session_key, message, signature }) => {
      expect(sessionSignature(session_key, message)).toBe(signature)
    },
  )

  test.each(signatures.negative)('takes the key as text, not as bytes', (vector) => {
    expect(sessionSignature(vector.session_key, vector.message)).not.toBe(
      vector.signature_if_key_is_base64_decoded,
    )
  })

  test('signs the empty message unless given', () => {
    const [vector] = signatures.derived

    expect(sessionSignature(vector?.session_key ?? '')).toBe(vector?.signature)
  })
})

describe('verifyRawData', () => {
  test.each(rawData.vectors)('accepts $signature', (vector) => {
    expect(verifyRawData({ ...vector, sessionKey: vector.session_key })).toBe(true)
  })

  test.each(rawData.vectors)('refuses other data, another key and another signature', (vector) => {
    const signed = { ...vector, sessionKey: vector.session_key }

    const verdicts = [
      verifyRawData({ ...signed, rawData: `${signed.rawData} ` }),
      verifyRawData({ ...signed, sessionKey: 'AAAAAAAAAAAAAAAAAAAAAA==' }),
      verifyRawData({ ...signed, signature: signed.signature.replace('7', '8') }),
      verifyRawData({ ...signed, signature: '' }),
      verifyRawData({ ...signed, signature: 'é'.repeat(40) }),
    ]

    expect(verdicts).toEqual([false, false, false, false, false])
  })
})

describe('decryptData', () => {
  test.each(encrypted.vectors)('opens $name', (vector) => {
    expect(decryptData({ ...vector, sessionKey: vector.session_key })).toEqual(vector.decrypted)
  })

  test.each(encrypted.negative_vectors)('refuses $name', (vector) => {
    expect(refusal({ ...vector, sessionKey: vector.session_key, appId: 'wx1' })).toEqual(MISMATCH)
  })

  test('refuses every kind of wrong data in the same words', () => {
    const vector = encrypted.vectors[0]
    if (vector === undefined) throw new TypeError('The vector is missing')
    const good = { ...vector, sessionKey: vector.session_key }
    const changed = Buffer.from(good.encryptedData, 'base64')
    const flip = (at: number) => {
      const bytes = Buffer.from(changed)
      bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
      return bytes.toString('base64')
    }

    const refusals = [
      { ...good, appId: 'wx-another' },
      { ...good, sessionKey: 'AAAAAAAAAAAAAAAAAAAAAA==' },
      { ...good, sessionKey: 'c2hvcnQ=' },
      { ...good, sessionKey: `${good.sessionKey}AAAA` },
      { ...good, iv: 'c2hvcnQ=' },
      { ...good, iv: '' },
      { ...good, encryptedData: flip(changed.length - 1) },
      { ...good, encryptedData: flip(0) },
      { ...good, encryptedData: good.encryptedData.slice(0, 40) },
      { ...good, encryptedData: '' },
      { ...good, encryptedData: 'not base64!' },
      { ...good, encryptedData: 'A'.repeat(20_000) },
    ].map(refusal)

    expect(refusals).toEqual(refusals.map(() => MISMATCH))
  })
})

describe('data of an older client', () => {
  test('made under the current session_key opens, made under the one before does not', async () => {
    const { signal } = new AbortController()
    const { openid, sessionKey } = await setting.instance().codeExchange('dev-alice.1', signal)
    const info = setting.standIn.control.userInfo('alice', { nickName: '爱丽丝' })
    const phone = setting.standIn.control.phoneInfo('alice', '13800000001')

    const later = await setting.instance().codeExchange('dev-alice.2', signal)

    const appId = 'wx0123456789abcdef'
    expect(decryptData({ ...info, sessionKey, appId })).toMatchObject({ openId: openid, nickName: '爱丽丝' })
    expect(decryptData({ ...phone, sessionKey, appId })).toMatchObject({ purePhoneNumber: '13800000001' })
    expect(verifyRawData({ ...info, sessionKey })).toBe(true)
    expect(refusal({ ...info, sessionKey: later.sessionKey, appId })).toEqual(MISMATCH)
  })
})

const setting = await startSetting()
const MISMATCH = {
  error: 'validation_failed',
  details: [{ reason: 'session_key_mismatch', message: 'call wx.login, then send data made after it' }],
  cause: undefined,
}

function refusal(data: SealedData): unknown {
  try {
    return decryptData(data)
  } catch (error) {
    return error instanceof Fault ? { error: error.error, details: error.details, cause: error.cause } : error
  }
}
