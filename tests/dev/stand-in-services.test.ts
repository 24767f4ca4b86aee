import { afterEach, describe, expect, test } from '@jest/globals'
import { partner } from '#scripts/dev/partner-service.ts'
import { wechatPay } from '#scripts/dev/pay-service.ts'
import { shop } from '#scripts/dev/shop-service.ts'
import { generatePartnerEntry } from '#scripts/keys/generate-secrets.ts'

const PARTNER_KEYS = [generatePartnerEntry('local'), generatePartnerEntry('acme')].join(',')

const started: { stop(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map((service) => service.stop()))
})

async function startPartner(env: Readonly<Record<string, string>>) {
  const service = await partner(env)
  started.push(service)
  return service
}

describe('the partner of a local cloud', () => {
  test('is there to be chosen, and takes no money before', async () => {
    const { url, about, settings } = await startPartner({ PARTNER_KEYS })

    expect(settings).toEqual({})
    expect(about).toBe(`local, stand-in at ${url}; PAYMENT_PARTNER=local has orders paid there`)
  })

  test.each(['local', 'acme'])('takes the money as %s where that is chosen', async (name) => {
    const { url, about, settings } = await startPartner({ PARTNER_KEYS, PAYMENT_PARTNER: name })

    expect(settings).toEqual({
      PAYMENT_PARTNER_URL: url,
      PAYMENT_PARTNER_NOTIFY_URL: `http://127.0.0.1/api/v1/callback/${name}`,
      ORDER_POLL_S: '2',
    })
    expect(about).toBe(`${name}, stand-in at ${url}; orders are paid there`)
  })

  test('is the real one where its address is given', async () => {
    const env = { PARTNER_KEYS, PAYMENT_PARTNER: 'acme', PAYMENT_PARTNER_URL: 'https://pay.example' }

    expect(await startPartner(env)).toMatchObject({
      url: undefined,
      about: 'https://pay.example (PAYMENT_PARTNER_URL)',
      settings: {},
    })
  })

  test.each([
    ['globex', PARTNER_KEYS],
    ['local', 'no keys'],
  ])('is not there without a key of %s: the functions say what is missing', async (name, keys) => {
    expect(await startPartner({ PARTNER_KEYS: keys, PAYMENT_PARTNER: name })).toMatchObject({
      url: undefined,
      about: `none, since PARTNER_KEYS has no key of ${name}`,
    })
  })
})

test('a stand-in hides no setting of the real one that was given alone', async () => {
  await expect(shop({ WEBHOOK_SECRET: 'whsec_' })).rejects.toThrow(
    'WEBHOOK_SECRET is set, but nothing uses it without WEBHOOK_URL',
  )
  await expect(wechatPay({ WECHAT_PAY_API_KEY: 'k', WECHAT_PAY_SERIAL: 's' }, 'wx1')).rejects.toThrow(
    /WECHAT_PAY_API_KEY is set, .*WECHAT_PAY_MCH_ID\n.*WECHAT_PAY_SERIAL is set/,
  )
})
