import { describe, expect, test } from '@jest/globals'
import { generateSecrets } from '#scripts/keys/generate-secrets.ts'
import {
  openProvider,
  optionalProviderSettings,
  providerSettings,
} from '#shared/backend/provider-settings.ts'
import { readEnv } from '#shared/config/read-env.ts'
import { createOutbound } from '#shared/outbound/outbound.ts'
import { parsePartnerKeys } from '#shared/signing/partner-keys.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { required } from '#tests/services/servers.ts'

const { PARTNER_KEYS } = generateSecrets()
const { partner } = required(parsePartnerKeys(PARTNER_KEYS).all[0])
const ENV = {
  PARTNER_KEYS,
  PAYMENT_PARTNER: partner,
  PAYMENT_PARTNER_URL: 'https://pay.example/api/',
  PAYMENT_PARTNER_NOTIFY_URL: `https://api.example/api/v1/callback/${partner}`,
}
const logger = createLogger({ level: 'error' })
const ports = { appId: 'wx1', clock: Date.now, outbound: createOutbound({ logger }) }

describe('who takes the money', () => {
  test('is the partner that is named, whose name its orders keep', () => {
    const settings = readEnv(ENV, providerSettings)

    expect(openProvider(settings, ports).name).toBe(partner)
  })

  test('is WeChat Pay where none is named, so its settings are missed', () => {
    expect(() => readEnv({}, providerSettings)).toThrow('WECHAT_PAY_MCH_ID is missing')
  })

  test('may be nobody where orders need not be paid', () => {
    expect(readEnv({}, optionalProviderSettings)).toBeUndefined()
    expect(readEnv(ENV, optionalProviderSettings)).toMatchObject({ partnerKey: { partner } })
  })

  test.each([
    [
      { PAYMENT_PARTNER: 'acme' },
      'PAYMENT_PARTNER must be the name of a partner that PARTNER_KEYS has a key of',
    ],
    [{ PARTNER_KEYS: '' }, 'PAYMENT_PARTNER must be the name of a partner that PARTNER_KEYS has a key of'],
    [{ PARTNER_KEYS: 'acme' }, 'PARTNER_KEYS must look like partner.id:key'],
    [{ PAYMENT_PARTNER_URL: '' }, 'PAYMENT_PARTNER_URL is missing'],
    [{ PAYMENT_PARTNER_NOTIFY_URL: 'ftp://x' }, 'PAYMENT_PARTNER_NOTIFY_URL must be a URL'],
  ])('cannot be read from %j', (change, problem) => {
    expect(() => readEnv({ ...ENV, ...change }, providerSettings)).toThrow(problem)
  })

  test('everything that is wrong with a partner is told at once', () => {
    const env = { PAYMENT_PARTNER: 'acme', PAYMENT_PARTNER_NOTIFY_URL: 'ftp://x' }

    expect(() => readEnv(env, (read) => [providerSettings(read), optionalProviderSettings(read)])).toThrow(
      [
        'Cannot read configuration:',
        '  - PAYMENT_PARTNER must be the name of a partner that PARTNER_KEYS has a key of',
        '  - PAYMENT_PARTNER_URL is missing',
        '  - PAYMENT_PARTNER_NOTIFY_URL must be a URL that begins with https://; http:// is for this machine, private addresses and hosts that OUTBOUND_PRIVATE_HOSTS names',
      ].join('\n'),
    )
  })

  test.each(['PAYMENT_PARTNER_URL', 'PAYMENT_PARTNER_NOTIFY_URL'])('%s alone is not ignored', (name) => {
    const env = { [name]: 'https://pay.example' }

    for (const settings of [providerSettings, optionalProviderSettings])
      expect(() => readEnv(env, settings)).toThrow(
        `${name} is set, but nothing uses it without PAYMENT_PARTNER`,
      )
  })

  test('a setting of a merchant alone is not ignored', () => {
    expect(() => readEnv({ WECHAT_PAY_API_KEY: 'k' }, optionalProviderSettings)).toThrow(
      'WECHAT_PAY_API_KEY is set, but nothing uses it without WECHAT_PAY_MCH_ID',
    )
  })
})
