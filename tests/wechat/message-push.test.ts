import { describe, expect, test } from '@jest/globals'
import { safeParse } from 'valibot'
import { createPushCipher } from '#shared/wechat/message-push-cipher.ts'
import { PushQuery, UrlQuestion } from '#shared/wechat/message-push-query.ts'
import { pushSignature } from '#shared/wechat/message-push-signature.ts'
import { bytesOf, officialPush, pushQuery, thrown, urlQuestion, VECTORS } from './push-setting.ts'

const { official, wxbiz_demo: demo } = VECTORS
const { url_verify: asked, plain_push: plain, secure_push: secure, secure_reply: answered } = official
const key = official.EncodingAESKey

function sealedPush(nowS: number | string = secure.query['timestamp'] ?? '') {
  return officialPush({ encodingAesKey: key, nowS })
}

/** A push of any text, signed and sealed as WeChat does it. */
function sealed(
  text: string,
  { token = official.token, timestamp = '1714112445', nonce = '415670741' } = {},
) {
  const encrypted = createPushCipher({ encodingAesKey: key, appId: official.appid }).encrypt(text)
  const signature = pushSignature([token, timestamp, nonce, encrypted])
  return {
    query: pushQuery({ timestamp, nonce, msg_signature: signature }),
    body: { ToUserName: 'gh_97417a04a28d', Encrypt: encrypted },
  }
}

describe('verifyUrl', () => {
  const push = officialPush({ nowS: asked.query['timestamp'] ?? '' })

  test('answers the question of the documentation', () => {
    expect(push.verifyUrl(urlQuestion(asked.query))).toBe(asked.reply)
  })

  test.each([
    ['token', {}, 'AAAAB'],
    ['timestamp', { timestamp: '1714036505' }, undefined],
    ['nonce', { nonce: '1514711493' }, undefined],
    ['signature', { signature: 'f464b24fc39322e44b38aa78f5edd27bd1441697' }, undefined],
  ])('refuses a question with another %s', (_, change, token) => {
    const other = officialPush({
      nowS: asked.query['timestamp'] ?? '',
      ...(token === undefined ? {} : { token }),
    })

    const fault = thrown(() => other.verifyUrl(urlQuestion({ ...asked.query, ...change })))

    expect(fault).toMatchObject({ error: 'signature_invalid', details: [] })
  })

  test.each([
    [600, 'taken'],
    [601, 'clock_skew'],
    [-600, 'taken'],
    [-601, 'clock_skew'],
  ])('a question asked %i seconds ago is %s', (ageS, outcome) => {
    const later = officialPush({ nowS: Number(asked.query['timestamp']) + ageS })
    const verify = () => later.verifyUrl(urlQuestion(asked.query))

    expect(outcome === 'taken' ? verify() : thrown(verify).error).toBe(
      outcome === 'taken' ? asked.reply : outcome,
    )
  })
})

describe('read in the plain mode', () => {
  const push = officialPush({ nowS: plain.query['timestamp'] ?? '' })

  test('gives the event of the documentation', () => {
    expect(push.read(pushQuery(plain.query), bytesOf(plain.body))).toEqual({
      toUserName: 'gh_97417a04a28d',
      fromUserName: 'o9AgO5Kd5ggOC-bXrbNODIiE3bGY',
      createTimeS: 1714037059,
      msgType: 'event',
      event: 'debug_demo',
      fields: plain.body,
      format: 'json',
    })
  })

  test('gives the same of XML', () => {
    const xml = `<xml><ToUserName><![CDATA[gh_1]]></ToUserName><CreateTime>1714037059</CreateTime>
      <MsgType><![CDATA[text]]></MsgType><Content><![CDATA[你好 <b>]]></Content><MsgId>24012345678901234567</MsgId></xml>`

    expect(push.read(pushQuery(plain.query), bytesOf(xml))).toMatchObject({
      toUserName: 'gh_1',
      fromUserName: '',
      createTimeS: 1714037059,
      msgType: 'text',
      msgId: '24012345678901234567',
      fields: { Content: '你好 <b>' },
      format: 'xml',
    })
  })

  test.each([
    ['timestamp', { timestamp: '1714037060' }],
    ['nonce', { nonce: '486452657' }],
    ['signature', { signature: '0'.repeat(40) }],
  ])('refuses another %s', (_, change) => {
    const fault = thrown(() => push.read(pushQuery({ ...plain.query, ...change }), bytesOf(plain.body)))

    expect(fault.error).toBe('signature_invalid')
  })

  test('lives for ten minutes only, since its signature leaves the body out', () => {
    const at = (ageS: number) => officialPush({ nowS: Number(plain.query['timestamp']) + ageS })
    const read = (ageS: number) => at(ageS).read(pushQuery(plain.query), bytesOf(plain.body))

    expect(read(600).event).toBe('debug_demo')
    expect(thrown(() => read(601)).error).toBe('clock_skew')
  })

  test('a push without a signature is malformed, one without a type as well', () => {
    const { signature: _, ...unsigned } = plain.query

    const faults = [
      thrown(() => push.read(pushQuery(unsigned), bytesOf(plain.body))),
      thrown(() => push.read(pushQuery(plain.query), bytesOf({ ToUserName: 'gh_1' }))),
    ]

    expect(faults).toMatchObject([
      { error: 'validation_failed', details: [{ path: 'signature' }] },
      { error: 'validation_failed', details: [{ path: 'MsgType' }] },
    ])
  })

  test('the operator is told when WeChat encrypts and there is no key', () => {
    const { signature = '', timestamp = '', nonce = '' } = secure.query
    const other = officialPush({ nowS: timestamp })

    const fault = thrown(() => other.read(pushQuery({ signature, timestamp, nonce }), bytesOf(secure.body)))

    expect(fault.error).toBe('signature_invalid')
    expect(String(fault.cause)).toMatch(/set WECHAT_PUSH_AES_KEY/)
  })

  test('what stands in plain counts in compatible mode where there is no key', () => {
    const body = { ...plain.body, Encrypt: 'nonsense' }

    expect(push.read(pushQuery(plain.query), bytesOf(body)).event).toBe('debug_demo')
  })
})

describe('read in the secure mode', () => {
  test('gives the event of the documentation', () => {
    expect(sealedPush().read(pushQuery(secure.query), bytesOf(secure.body))).toMatchObject({
      fromUserName: 'o9AgO5Kd5ggOC-bXrbNODIiE3bGY',
      createTimeS: 1714112445,
      event: 'debug_demo',
      fields: JSON.parse(secure.msg),
    })
  })

  test('gives the message in XML of the sample code', () => {
    const [{ timestamp, nonce, msg_signature, Encrypt }] = demo.decrypt as [(typeof demo.decrypt)[0]]
    const push = officialPush({
      token: demo.token,
      encodingAesKey: demo.EncodingAESKey,
      appId: demo.appid,
      nowS: timestamp,
    })
    const body = `<xml><ToUserName><![CDATA[gh]]></ToUserName><Encrypt><![CDATA[${Encrypt}]]></Encrypt></xml>`

    const message = push.read(pushQuery({ timestamp, nonce, msg_signature }), bytesOf(body))

    expect(message).toMatchObject({ msgType: 'text', msgId: '12345', fields: { Content: 'hello' } })
  })

  const { Encrypt } = secure.body
  test.each<[string, Record<string, string>, Record<string, unknown>]>([
    ['timestamp', { timestamp: '1714112446' }, {}],
    ['nonce', { nonce: '415670742' }, {}],
    ['signature', { msg_signature: '0'.repeat(40) }, {}],
    ['first block', {}, { Encrypt: `A${Encrypt.slice(1)}` }],
    ['last block', {}, { Encrypt: `${Encrypt.slice(0, -4)}AAA=` }],
    ['length', {}, { Encrypt: Encrypt.slice(0, -44) }],
    ['message', {}, { Encrypt: '' }],
  ])('refuses another %s', (_, change, body) => {
    const query = pushQuery({ ...secure.query, ...change })

    const fault = thrown(() => sealedPush().read(query, bytesOf({ ...secure.body, ...body })))

    expect(fault).toMatchObject({ error: 'signature_invalid', details: [] })
    expect(fault.cause).toBeUndefined()
  })

  test.each([
    ['key', { encodingAesKey: `B${key.slice(1)}` }],
    ['appid', { appId: 'wxba5fad812f8e6fb8' }],
  ])('refuses what was sealed for another %s, and tells the operator', (_, change) => {
    const push = officialPush({ encodingAesKey: key, nowS: secure.query['timestamp'] ?? '', ...change })

    const fault = thrown(() => push.read(pushQuery(secure.query), bytesOf(secure.body)))

    expect(fault).toMatchObject({ error: 'signature_invalid', details: [] })
    expect(String(fault.cause)).toMatch(/WECHAT_PUSH_AES_KEY or WECHAT_APP_ID/)
  })

  test('refuses a plain push, however well signed, and tells the operator when it is WeChat’s', () => {
    const push = sealedPush(plain.query['timestamp'])

    const faults = [
      thrown(() => push.read(pushQuery(plain.query), bytesOf(plain.body))),
      thrown(() => push.read(pushQuery({ ...plain.query, signature: '0'.repeat(40) }), bytesOf(plain.body))),
    ]

    for (const fault of faults)
      expect(fault).toMatchObject({
        error: 'signature_invalid',
        details: [{ reason: 'encryption_required' }],
      })
    expect(faults.map(({ cause }) => cause instanceof Error)).toEqual([true, false])
  })

  test('the plain signature does not stand in for that of the message', () => {
    const { msg_signature: _, ...query } = secure.query
    const swapped = { ...secure.query, msg_signature: secure.query['signature'] ?? '' }

    expect(thrown(() => sealedPush().read(pushQuery(query), bytesOf(secure.body)))).toMatchObject({
      error: 'validation_failed',
      details: [{ path: 'msg_signature' }],
    })
    expect(thrown(() => sealedPush().read(pushQuery(swapped), bytesOf(secure.body))).error).toBe(
      'signature_invalid',
    )
  })

  test('believes the sealed part alone in compatible mode', () => {
    const forged = { ...secure.body, FromUserName: 'o-mallory', MsgType: 'event', Event: 'forged' }

    const message = sealedPush().read(pushQuery(secure.query), bytesOf(forged))

    expect(message).toMatchObject({ event: 'debug_demo', fromUserName: 'o9AgO5Kd5ggOC-bXrbNODIiE3bGY' })
    expect(message.fields).not.toHaveProperty('Encrypt')
  })

  test('takes a push for a day, since some are tried again for hours', () => {
    const { query, body } = sealed(secure.msg)
    const read = (ageS: number) => sealedPush(1714112445 + ageS).read(query, bytesOf(body))

    expect(read(86_400).event).toBe('debug_demo')
    expect(thrown(() => read(86_401)).error).toBe('clock_skew')
    expect(thrown(() => read(-601)).error).toBe('clock_skew')
  })

  test.each([['no text'], ['[]'], ['<!DOCTYPE xml><xml/>'], ['{"MsgType":{}}']])(
    'refuses %s in a seal that is right',
    (text) => {
      const { query, body } = sealed(text)

      expect(thrown(() => sealedPush().read(query, bytesOf(body))).error).toBe('validation_failed')
    },
  )

  test('bytes that are no UTF-8 are malformed', () => {
    const fault = thrown(() => sealedPush().read(pushQuery(secure.query), Uint8Array.of(0x7b, 0xff, 0x7d)))

    expect(fault.error).toBe('validation_failed')
  })
})

describe('one signed text cut into other parts', () => {
  const { timestamp = '', nonce = '', msg_signature = '' } = secure.query
  const { Encrypt } = secure.body

  // What is signed is the parts sorted and joined without separators: none of these may come as far as the signature.
  test.each([
    [
      'digits of the nonce in the timestamp',
      { timestamp: timestamp + nonce.slice(0, 1), nonce: nonce.slice(1) },
    ],
    ['the timestamp’s last digit in the nonce', { timestamp: timestamp.slice(0, -1), nonce: `5${nonce}` }],
    ['the message’s beginning in the nonce', { timestamp, nonce: Encrypt.slice(0, 64) }],
    ['nothing but a timestamp', { timestamp, nonce: '' }],
    ['SHA-1 padding after the nonce', { timestamp, nonce: `${nonce}\x80\0\0` }],
    ['SHA-1 padding in percent-encoding', { timestamp, nonce: `${nonce}%80` }],
  ])('%s is malformed', (_, parts) => {
    expect(safeParse(PushQuery, { ...parts, msg_signature }).success).toBe(false)
  })

  test('an echo of more than a line of ASCII is malformed', () => {
    for (const echostr of ['<script>\n', 'é', '', 'x'.repeat(201)])
      expect(safeParse(UrlQuestion, { ...asked.query, echostr }).success).toBe(false)
  })
})

describe('reply', () => {
  test('signs and seals as in the documentation, in the format of the push', () => {
    const push = sealedPush(answered.TimeStamp)
    const { Nonce: nonce } = answered

    const json: Record<string, string> = JSON.parse(push.reply(answered.msg, { nonce, format: 'json' }))
    const xml = push.reply(answered.msg, { nonce, format: 'xml' })

    const opener = createPushCipher({ encodingAesKey: key, appId: official.appid })
    expect(json).toEqual({
      Encrypt: expect.any(String),
      MsgSignature: pushSignature([official.token, String(answered.TimeStamp), nonce, json['Encrypt'] ?? '']),
      TimeStamp: answered.TimeStamp,
      Nonce: nonce,
    })
    expect(opener.decrypt(json['Encrypt'] ?? '')).toBe(answered.msg)
    expect(opener.decrypt(/<Encrypt><!\[CDATA\[(.*?)\]\]>/.exec(xml)?.[1] ?? '')).toBe(answered.msg)
    expect(xml).toContain(`<TimeStamp>${answered.TimeStamp}</TimeStamp><Nonce><![CDATA[${nonce}]]></Nonce>`)
  })

  test('the signature and the seal of the documentation come out for its random bytes', () => {
    const cipher = createPushCipher({ encodingAesKey: key, appId: official.appid })

    expect(cipher.encrypt(answered.msg, Buffer.from(answered.random))).toBe(answered.Encrypt)
    expect(
      pushSignature([official.token, String(answered.TimeStamp), answered.Nonce, answered.Encrypt]),
    ).toBe(answered.MsgSignature)
  })

  test('is the text itself in the plain mode', () => {
    expect(officialPush({ nowS: 1 }).reply('success', { nonce: '1', format: 'json' })).toBe('success')
  })
})
