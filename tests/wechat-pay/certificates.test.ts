import { afterEach, describe, expect, test } from '@jest/globals'
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import * as fc from 'fast-check'
import { newSerial, selfSigned } from '#scripts/emulator/wechat-pay/certificate.ts'
import { paySettings, platformSetting, type ProvenBy } from '#scripts/emulator/wechat-pay/account.ts'
import { startWechatPay, type WechatPayStandIn } from '#scripts/emulator/wechat-pay/start-wechat-pay.ts'
import { wechatPayKeys } from '#scripts/keys/wechat-pay-keys.ts'
import { createOutbound } from '#shared/outbound/outbound.ts'
import { secret } from '#shared/secret.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { downloadCertificates } from '#shared/wechat-pay/certificates.ts'
import { parsePlatformKeys } from '#shared/wechat-pay/platform-keys.ts'
import { answeringServer } from './answering-server.ts'
import { APP_ID } from './stand-in.ts'

const never = new AbortController().signal
const YEAR_MS = 365 * 86_400_000
const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function standIn(provenBy: ProvenBy): Promise<WechatPayStandIn> {
  const server = await startWechatPay({ appId: APP_ID, provenBy })
  closing.push(() => server.stop())
  return server
}

function optionsOf({ account, url }: WechatPayStandIn) {
  const { mchId, serial, merchantPrivateKey: privateKey, apiKey } = account
  return {
    baseUrl: url,
    merchant: { mchId, serial, privateKey },
    apiKey: secret(apiKey),
    clock: Date.now,
    outbound: createOutbound({ logger: createLogger({ level: 'error' }) }),
    timeoutMs: 2_000,
  }
}

const settingsOf = ({ account, url }: WechatPayStandIn) => ({
  ...paySettings(account),
  WECHAT_PAY_BASE_URL: url,
})

describe("the stand-in's certificates", () => {
  const keys = generateKeyPairSync('rsa', { modulusLength: 2048 })

  test('are X.509, whatever the serial number and the time', () => {
    const moment = fc.integer({ min: 0, max: 4_000_000_000 }).map((s) => new Date(s * 1_000))

    fc.assert(
      fc.property(fc.nat().map(newSerial), moment, moment, (serial, from, to) => {
        const read = new X509Certificate(selfSigned({ ...keys, serial, from, to }))

        expect([read.serialNumber, read.validFromDate, read.validToDate]).toEqual([serial, from, to])
        expect(read.verify(keys.publicKey)).toBe(true)
        expect(read.subject).toBe('CN=WeChat Pay stand-in')
      }),
      { numRuns: 30 },
    )
  })
})

describe('downloading', () => {
  test.each(['certificate', 'both'] as const)(
    'brings the certificate of a merchant with %s',
    async (provenBy) => {
      const server = await standIn(provenBy)

      const found = await downloadCertificates(optionsOf(server), never)

      const { serial, pem, to } = server.account.certificate ?? {}
      expect(found).toEqual([{ serial, pem, expiresAt: to }])
    },
  )

  test('brings none that has expired', async () => {
    const clock = () => Date.now() + 6 * YEAR_MS
    const server = await startWechatPay({ appId: APP_ID, provenBy: 'certificate', clock })
    closing.push(() => server.stop())

    expect(await downloadCertificates({ ...optionsOf(server), clock }, never)).toEqual([])
  })

  test('a merchant with a public key has none', async () => {
    await expect(downloadCertificates(optionsOf(await standIn('public-key')), never)).rejects.toMatchObject({
      error: 'refused_by_provider',
      details: [{ reason: 'resource_not_exists' }],
    })
  })

  test('with another APIv3 key they stay closed', async () => {
    const options = { ...optionsOf(await standIn('certificate')), apiKey: secret('a'.repeat(32)) }

    await expect(downloadCertificates(options, never)).rejects.toMatchObject({
      details: [{ reason: 'cannot_decrypt' }],
    })
  })

  test.each([
    ['unsigned', {}],
    ['signed by somebody else', { 'wechatpay-signature': Buffer.alloc(256).toString('base64') }],
  ])('an answer that is %s is not believed', async (_, change) => {
    const server = await standIn('certificate')
    const { account } = server
    const signed = {
      'wechatpay-timestamp': String(Math.floor(Date.now() / 1_000)),
      'wechatpay-nonce': 'nonce',
      'wechatpay-serial': account.certificate?.serial ?? '',
    }
    const { certificatesAnswer } = await import('#scripts/emulator/wechat-pay/platform-certificates.ts')
    const other = await answeringServer({ ...signed, ...change }, certificatesAnswer(account))
    closing.push(() => other.stop())

    await expect(
      downloadCertificates({ ...optionsOf(server), baseUrl: other.url }, never),
    ).rejects.toMatchObject({ error: 'upstream_failed' })
  })

  test.each(['{}', 'nonsense', '{"data":[{}]}'])('the answer %j is unreadable', async (text) => {
    const other = await answeringServer({}, text)
    closing.push(() => other.stop())

    await expect(
      downloadCertificates({ ...optionsOf(await standIn('certificate')), baseUrl: other.url }, never),
    ).rejects.toMatchObject({ error: 'upstream_failed' })
  })
})

describe('npm run keys -- wechat-pay', () => {
  test('makes a setting by which the functions know both kinds of keys', async () => {
    const server = await standIn('both')
    const { platformKey, certificate } = server.account
    const present = platformSetting(server.account)
    const [publicKey = ''] = present.split(',')

    const fresh = await wechatPayKeys(
      { ...settingsOf(server), WECHAT_PAY_PLATFORM_KEYS: publicKey },
      Date.now,
      never,
    )

    expect(fresh).toBe(present)
    expect([...parsePlatformKeys(fresh).keys()]).toEqual([platformKey?.serial, certificate?.serial])
  })

  test('tells a merchant in public-key mode where to find the public key', async () => {
    const settings = settingsOf(await standIn('public-key'))

    await expect(wechatPayKeys(settings, Date.now, never)).rejects.toThrow(
      /public-key mode.*微信支付公钥.*PUB_KEY_ID_/s,
    )
  })

  test('says which settings are missing', async () => {
    await expect(wechatPayKeys({}, Date.now, never)).rejects.toThrow(
      /WECHAT_PAY_MCH_ID.*WECHAT_PAY_SERIAL.*WECHAT_PAY_PRIVATE_KEY.*WECHAT_PAY_API_KEY/s,
    )
  })

  test('says which settings are wrong where WeChat Pay refuses them', async () => {
    const server = await standIn('certificate')
    const wrong = (change: Readonly<Record<string, string>>) =>
      wechatPayKeys({ ...settingsOf(server), ...change }, Date.now, never)

    await expect(wrong({ WECHAT_PAY_API_KEY: 'a'.repeat(32) })).rejects.toThrow('WECHAT_PAY_API_KEY is not')
    await expect(wrong({ WECHAT_PAY_SERIAL: 'AB' })).rejects.toThrow('must be of one API')
  })
})
