import { describe, expect, test } from '@jest/globals'
import { createPrivateKey, createPublicKey, createSign, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { secret } from '#shared/secret.ts'
import { parseMerchantKey } from '#shared/wechat-pay/merchant.ts'
import { checkedApiKey, openResource } from '#shared/wechat-pay/open-resource.ts'
import { paymentRequest } from '#shared/wechat-pay/pay-sign.ts'
import { certificateKey, parsePlatformKeys } from '#shared/wechat-pay/platform-keys.ts'
import { authorization, signLines } from '#shared/wechat-pay/sign-request.ts'
import { verifyMessage } from '#shared/wechat-pay/verify-message.ts'
import { required } from '#tests/services/servers.ts'

const requests = vectors('wechatpay-request-sign')
const payments = vectors('wechatpay-paysign')
const answer = vectors('wechatpay-response-verify-pubkey')
const aead = vectors('wechatpay-aead')
const sdks = vectors('wechatpay-sdk-rsa')

// eslint-disable-next-line typescript/no-explicit-any -- each file has a shape of its own, and each test asserts on what it reads
function vectors(name: string): any {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8'))
}

const base64 = (text: string) => Buffer.from(text).toString('base64')

describe('signing', () => {
  const privateKey = createPrivateKey(requests.merchant_private_key_pem)

  test.each(requests.vectors as { name: string; [field: string]: string }[])(
    'a request as in the vector “$name”',
    ({ method, url, timestamp, nonce, body, signature }) => {
      const merchant = { mchId: '1900007291', serial: '408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB', privateKey }
      const call = { method, target: url, timestamp, nonce, body } as Parameters<typeof authorization>[1]

      const header = authorization(merchant, call)

      expect(header).toBe(
        `WECHATPAY2-SHA256-RSA2048 mchid="1900007291",nonce_str="${nonce}",signature="${signature}",` +
          `timestamp="${timestamp}",serial_no="408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB"`,
      )
    },
  )

  test('the vectors of the official SDKs', () => {
    const { java, go } = sdks
    const signed = (text: string, pem: string) => createSign('RSA-SHA256').update(text).sign(pem, 'base64')

    expect(signed(go.message, go.private_key_pem)).toBe(go.signature)
    expect(signed(java.message, java.merchant_private_key_pem)).toBe(java.signature)
  })

  test('what wx.requestPayment gets', () => {
    const [vector] = payments.vectors
    const { appId, timeStamp, nonceStr, package: prepared, signType, paySign } = vector
    const privateKeyOfDocs = createPrivateKey(payments.merchant_private_key_pem)

    const request = paymentRequest(
      { privateKey: privateKeyOfDocs },
      { appId, prepayId: prepared.replace('prepay_id=', ''), timestamp: timeStamp, nonce: nonceStr },
    )

    expect(request).toEqual({ timeStamp, nonceStr, package: prepared, signType, paySign })
  })

  test('what an app gets, which has the bare id in the place of the package', () => {
    const { appId, timeStamp, nonceStr, prepayId, sign } = payments.vectors[1]
    const lines = [appId, timeStamp, nonceStr, prepayId]

    expect(signLines(createPrivateKey(payments.merchant_private_key_pem), lines)).toBe(sign)
  })

  test.each([
    ['get', 'GET', ''],
    ['post_body_ending_newline', 'POST', 'Hello World!\n'],
  ])('the text that the Go SDK signs of a %s', (name, method, body) => {
    const { go } = sdks
    const call = {
      method,
      target: '/v3/certificates',
      timestamp: '1624523846',
      nonce: 'A1B2C3D4E5F6G7',
      body,
    }
    const merchant = { mchId: '1', serial: '1', privateKey: createPrivateKey(go.private_key_pem) }
    const [, signature] = /signature="([^"]+)"/.exec(authorization(merchant, call)) ?? []

    const expected = createSign('RSA-SHA256')
      .update(go[`authorization_message_${name}`])
      .sign(merchant.privateKey, 'base64')
    expect(signature).toBe(expected)
  })

  test.each([
    ['PEM', requests.merchant_private_key_pem],
    ['PEM with line ends as two characters', requests.merchant_private_key_pem.replaceAll('\n', '\\n')],
    ['PEM in base64', base64(requests.merchant_private_key_pem)],
  ])('a key is read from %s', (_, text) => {
    expect(parseMerchantKey(text).equals(privateKey)).toBe(true)
  })

  test.each([
    '',
    'abc',
    base64('abc'),
    generateKeyPairSync('ec', { namedCurve: 'P-256' })
      .privateKey.export({ format: 'pem', type: 'pkcs8' })
      .toString(),
  ])('what is no RSA key is refused without being quoted', (text) => {
    expect(() => parseMerchantKey(text)).toThrow(
      /^must be (an RSA private key|a private key in PEM, or that in base64)$/,
    )
  })
})

describe('verifying', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const serial = answer.headers['Wechatpay-Serial']
  const nowMs = 1_800_000_000_000
  const body = Buffer.from('{"id":"通知"}')

  function message(change: Readonly<Record<string, string>> = {}): Headers {
    const timestamp = change['wechatpay-timestamp'] ?? '1800000000'
    return new Headers({
      'wechatpay-timestamp': timestamp,
      'wechatpay-nonce': 'nonce-1',
      'wechatpay-serial': 'PUB_KEY_ID_1',
      'wechatpay-signature': signLines(privateKey, [timestamp, 'nonce-1', body.toString()]),
      'wechatpay-signature-type': 'WECHATPAY2-SHA256-RSA2048',
      ...change,
    })
  }

  const check = (headers: Headers, bytes: Uint8Array = body) =>
    verifyMessage({ keys: new Map([['PUB_KEY_ID_1', publicKey]]), clock: () => nowMs }, headers, bytes)

  test('the answer of the documentation, by the public key that it names', () => {
    const keys = parsePlatformKeys(`${serial}:${base64(answer.public_key_pem)}`)
    const clock = () => Number(answer.headers['Wechatpay-Timestamp']) * 1_000

    expect(() =>
      verifyMessage({ keys, clock }, new Headers(answer.headers), Buffer.from(answer.body)),
    ).not.toThrow()
  })

  test('a certificate names its own serial, and stands beside public keys', () => {
    const { wechat_pay_certificate_pem: pem, wechat_pay_serial: name } = sdks.java
    const keys = parsePlatformKeys(`${base64(pem)}, ${serial}:${base64(answer.public_key_pem)}`)

    expect([...keys.keys()]).toEqual([name, serial])
    expect(certificateKey(pem)[0]).toBe(name)
    expect(required(keys.get(name)).equals(createPublicKey(sdks.java.wechat_pay_public_key_pem))).toBe(true)
  })

  test.each([
    '',
    'abc',
    'PUB_KEY_ID_1',
    `PUB_KEY_ID_1:${base64('abc')}`,
    `other:${base64(answer.public_key_pem)}`,
  ])('the setting %j is refused', (text) => {
    expect(() => parsePlatformKeys(text)).toThrow(/entry 1 is neither/)
  })

  test('a right message passes, up to five minutes off', () => {
    expect(() => check(message())).not.toThrow()
    expect(() => check(message({ 'wechatpay-timestamp': '1799999700' }))).not.toThrow()
    expect(() => check(message({ 'wechatpay-timestamp': '1800000300' }))).not.toThrow()
  })

  test.each([
    [{ 'wechatpay-nonce': 'nonce-2' }, 'signature_invalid', 'signature'],
    [{ 'wechatpay-serial': 'PUB_KEY_ID_2' }, 'signature_invalid', 'unknown_serial'],
    [{ 'wechatpay-signature': 'WECHATPAY/SIGNTEST/abc' }, 'signature_invalid', 'probe'],
    [{ 'wechatpay-signature': '!' }, 'signature_invalid', 'signature'],
    [{ 'wechatpay-signature-type': 'NONE' }, 'signature_invalid', 'scheme'],
  ])('with %j it is refused', (change, error, reason) => {
    expect(() => check(message(change as Record<string, string>))).toThrow(
      expect.objectContaining({ error, details: [{ reason }] }),
    )
  })

  test.each(['1799999699', '1800000301', '18000000000', 'now', '0x6b49d200'])(
    'at the time %s it is refused, with the time of the server',
    (timestamp) => {
      expect(() => check(message({ 'wechatpay-timestamp': timestamp }))).toThrow(
        expect.objectContaining({
          error: 'clock_skew',
          details: [expect.objectContaining({ serverTime: '2027-01-15T08:00:00.000Z' })],
        }),
      )
    },
  )

  test.each(['timestamp', 'nonce', 'signature', 'serial'])('without %s it is a bad request', (name) => {
    const headers = message()
    headers.delete(`wechatpay-${name}`)

    expect(() => check(headers)).toThrow(expect.objectContaining({ error: 'bad_request' }))
  })

  test('a body that differs in any byte, or was written anew, is refused', () => {
    fc.assert(
      fc.property(fc.nat(body.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const other = Buffer.from(body)
        other[at] = (other[at] ?? 0) ^ flip

        expect(() => check(message(), other)).toThrow(expect.objectContaining({ error: 'signature_invalid' }))
      }),
      { numRuns: 50 },
    )
    expect(() => check(message(), Buffer.from('{ "id": "通知" }'))).toThrow('signature_invalid')
  })
})

describe('decrypting', () => {
  const key = secret(aead.vectors[0].key)

  test('the vectors of the official SDKs, a certificate among them', () => {
    const [vector] = aead.vectors
    const { certificate_download: download } = aead

    expect(openResource(key, vector)).toBe(vector.plaintext)
    expect(openResource(secret(download.key), download)).toBe(download.plaintext_pem)
    expect(certificateKey(download.plaintext_pem)[0]).toBe(download.serial_no)
  })

  test.each([
    ['another key', { key: 'b'.repeat(32) }],
    ['another nonce', { nonce: 'uluk4a9R25RX' }],
    ['a nonce of another length', { nonce: 'uluk' }],
    ['other associated data', { associated_data: 'other' }],
    ['no associated data', { associated_data: undefined }],
    ['a shorter text', { ciphertext: 'AAAA' }],
    ['no text', { ciphertext: '' }],
  ])('%s is refused in the same words', (_, change) => {
    const resource = { ...aead.vectors[0], ...change }

    expect(() => openResource(secret(resource.key), resource)).toThrow(
      expect.objectContaining({ error: 'validation_failed', details: [{ reason: 'cannot_decrypt' }] }),
    )
  })

  test('an APIv3 key has 32 characters', () => {
    expect(checkedApiKey(aead.vectors[0].key)).toBe(aead.vectors[0].key)
    for (const text of ['', aead.vectors_16_byte_key[0].key, 'ä'.repeat(32), 'a'.repeat(33)])
      expect(() => checkedApiKey(text)).toThrow('must have 32 ASCII characters')
  })
})
