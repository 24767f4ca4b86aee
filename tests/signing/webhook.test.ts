import { createHmac } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { Webhook } from 'standardwebhooks'
import { signWebhook } from '#shared/signing/webhook.ts'
import { memoryNonces, type SigningSetting, signingSetting, START, tampered } from './setting.ts'

const BODY = '{"type":"order.paid","data":{"no":"订单1"}}'

function delivery(
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array<ArrayBuffer> = BODY,
): Request {
  return new Request('https://api.example.com/api/v1/callback/acme', { method: 'POST', headers, body })
}

function setting(): SigningSetting {
  return signingSetting({ nonces: memoryNonces() })
}

function outcome(
  one: SigningSetting,
  request: Request,
  partner: string | undefined = 'acme',
): Promise<string> {
  return one.outcome(request, { demand: 'partner', session: async () => undefined, partner })
}

/** As the library wants it. */
function secretOf(one: SigningSetting, kid: string): string {
  return `whsec_${Buffer.from(one.partnerKeyOf(kid)).toString('base64')}`
}

interface Sent {
  readonly kid: string
  readonly id: string
  /** Unix seconds. */
  readonly at: number
  readonly body: string | Uint8Array
}

/** What a sender with this secret would send now, by hand. */
function headersOf(one: SigningSetting, sent: Partial<Sent> = {}) {
  const { kid = 'acme.k1', id = 'msg_1', at = one.now() / 1_000, body = BODY } = sent
  const timestamp = String(at)
  const mac = createHmac('sha256', one.partnerKeyOf(kid)).update(`${id}.${timestamp}.`).update(body)
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${mac.digest('base64')}`,
  }
}

describe('a webhook', () => {
  test('signed by the library of Standard Webhooks is accepted', async () => {
    const one = setting()
    const at = new Date(START)
    const signature = new Webhook(secretOf(one, 'acme.k1')).sign('msg_1', at, BODY)
    const headers = { ...headersOf(one), 'webhook-signature': signature }

    const answer = await one.verify(delivery(headers), { demand: 'partner', partner: 'acme' })

    expect(answer).toEqual({ by: 'partner', kid: 'acme.k1', partner: 'acme', messageId: 'msg_1' })
  })

  test('signed by us is accepted by the library', async () => {
    const one = setting()

    const signed = await signWebhook(delivery({}), { key: one.partnerKeyOf('acme.k1') })
    const read = new Webhook(secretOf(one, 'acme.k1')).verify(
      await signed.text(),
      Object.fromEntries(signed.headers),
    )

    expect(read).toEqual(JSON.parse(BODY))
  })

  test('may carry several signatures, of which one has to fit: so a sender changes its key', async () => {
    const one = setting()
    const old = headersOf(one, { kid: 'globex.k1' })['webhook-signature']
    const other = `v1a,${'A'.repeat(86)}==`
    const headers = headersOf(one, { kid: 'acme.k2' })

    const signatures = `${other} ${old} ${headers['webhook-signature']}`

    expect(await outcome(one, delivery({ ...headers, 'webhook-signature': signatures }))).toBe(
      'partner acme.k2',
    )
  })

  test('counts only with a key of the partner whom the path names', async () => {
    const one = setting()

    expect(await outcome(one, delivery(headersOf(one, { kid: 'globex.k1' })))).toBe('signature_invalid')
    expect(await outcome(one, delivery(headersOf(one, { kid: 'globex.k1' })), 'globex')).toBe(
      'partner globex.k1',
    )
    expect(await outcome(one, delivery(headersOf(one)), 'initech')).toBe('signature_invalid')
  })

  test('counts with any partner’s key where the path names none', async () => {
    const one = setting()

    const answer = await one.outcome(delivery(headersOf(one, { kid: 'globex.k1' })), { demand: 'partner' })

    expect(answer).toBe('partner globex.k1')
  })

  test('is delivered again until it is accepted, but no attempt twice', async () => {
    const one = setting()
    const first = headersOf(one)
    const answers = [await outcome(one, delivery(first)), await outcome(one, delivery(first))]
    one.advance(5_000)

    const again = headersOf(one)

    expect(answers).toEqual(['partner acme.k1', 'request_replayed'])
    expect(await outcome(one, delivery(again))).toBe('partner acme.k1')
    expect(await outcome(one, delivery(again))).toBe('request_replayed')
  })

  test('with two signatures is no second one when the first is cut away', async () => {
    const one = setting()
    const both = [headersOf(one), headersOf(one, { kid: 'acme.k2' })].map((it) => it['webhook-signature'])
    const cut = (signature: string | undefined) =>
      delivery({ ...headersOf(one), 'webhook-signature': signature ?? '' })

    expect(await outcome(one, cut(both.join(' ')))).toBe('partner acme.k1')
    expect(await outcome(one, cut(both[0]))).toBe('request_replayed')
    expect(await outcome(one, cut(both[1]))).toBe('request_replayed')
  })

  test.each([
    ['−301 s', -301, 'clock_skew'],
    ['−300 s', -300, 'partner acme.k1'],
    ['300 s', 300, 'partner acme.k1'],
    ['301 s', 301, 'clock_skew'],
  ])('of a sender whose clock is off by %s', async (_, offS, answer) => {
    const one = setting()

    expect(await outcome(one, delivery(headersOf(one, { at: START / 1_000 + offS })))).toBe(answer)
  })

  test.each([
    ['without an id', { 'webhook-id': '' }, 'bad_request'],
    ['with a dot in its id', { 'webhook-id': 'msg.1' }, 'bad_request'],
    ['with a space in its id', { 'webhook-id': 'msg 1' }, 'bad_request'],
    ['with too long an id', { 'webhook-id': 'm'.repeat(129) }, 'bad_request'],
    ['without a time', { 'webhook-timestamp': '' }, 'bad_request'],
    ['with text after its time', { 'webhook-timestamp': `${START / 1_000}abc` }, 'bad_request'],
    ['with a time in milliseconds', { 'webhook-timestamp': String(START) }, 'bad_request'],
    ['without a signature', { 'webhook-signature': '' }, 'bad_request'],
    ['with a signature of nothing', { 'webhook-signature': 'v1,' }, 'signature_invalid'],
    ['with a signature of zeros', { 'webhook-signature': `v1,${'A'.repeat(43)}=` }, 'signature_invalid'],
    ['with another version', { 'webhook-signature': `v2,${'A'.repeat(43)}=` }, 'signature_invalid'],
    ['with another id', { 'webhook-id': 'msg_2' }, 'signature_invalid'],
    ['with another time', { 'webhook-timestamp': String(START / 1_000 + 1) }, 'signature_invalid'],
  ])('%s is refused', async (_, change, answer) => {
    const one = setting()

    expect(await outcome(one, delivery({ ...headersOf(one), ...change }))).toBe(answer)
  })

  test('with the signature cut, extended or in the other base64 is refused', async () => {
    const one = setting()
    const { 'webhook-signature': good } = headersOf(one)
    const bad = [good.slice(0, -1), `${good}=`, good.replace('v1,', 'v1, '), good.toUpperCase(), `v1,${good}`]

    for (const signature of bad) {
      expect(await outcome(one, delivery({ ...headersOf(one), 'webhook-signature': signature }))).toBe(
        'signature_invalid',
      )
    }
  })

  test('on a route that is not made for partners is no signature: it covers neither method nor path', async () => {
    const one = setting()
    const request = delivery(headersOf(one))

    expect(await one.outcome(request, { demand: 'optional' })).toBe('unsigned')
    expect(await one.outcome(request, { demand: 'required' })).toBe('bad_request')
  })

  test('counts for nothing beside X-Signature, which is judged alone', async () => {
    const one = setting()
    const signed = await one.signAsPartner(delivery(headersOf(one)))
    const changed = await tampered(signed, { url: `${signed.url}?x=1` })

    expect(await outcome(one, changed)).toBe('signature_invalid')
    expect(await outcome(one, signed)).toBe('partner acme.k1')
  })
})

describe('where the library of Standard Webhooks is too lenient, we are not', () => {
  test('it signs text that a decoder has repaired, so other bytes pass; here only the very bytes do', async () => {
    const one = setting()
    const sent = Buffer.from('{"a":"\ufffd"}')
    const changed = Buffer.concat([Buffer.from('{"a":"'), Buffer.of(0xff), Buffer.from('"}')])
    const nowS = Math.floor(Date.now() / 1_000)
    const ours = headersOf(one, { at: nowS, body: sent })

    expect(new Webhook(secretOf(one, 'acme.k1')).verify(changed, ours)).toEqual({ a: '\ufffd' })

    const headers = headersOf(one, { body: sent })
    expect(await outcome(one, delivery(headers, new Uint8Array(changed)))).toBe('signature_invalid')
    expect(await outcome(one, delivery(headers, new Uint8Array(sent)))).toBe('partner acme.k1')
  })

  test('it reads the time "123abc" as 123; here that is no time', async () => {
    const one = setting()
    const nowS = Math.floor(Date.now() / 1_000)
    const theirs = { ...headersOf(one, { at: nowS }), 'webhook-timestamp': `${nowS}abc` }

    expect(new Webhook(secretOf(one, 'acme.k1')).verify(BODY, theirs)).toEqual(JSON.parse(BODY))

    const ours = { ...headersOf(one), 'webhook-timestamp': `${START / 1_000}abc` }
    expect(await outcome(one, delivery(ours))).toBe('bad_request')
  })
})
