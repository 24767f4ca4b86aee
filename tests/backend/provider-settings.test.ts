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

const PARTNER_KEYS = parsePartnerKeys(generateSecrets().PARTNER_KEYS)
const { partner } = required(PARTNER_KEYS.all[0])
const ENV = {
  PAYMENT_PARTNER: partner,
  PAYMENT_PARTNER_URL: 'https://pay.example/api/',
  PAYMENT_PARTNER_NOTIFY_URL: `https://api.example/api/v1/callback/${partner}`,
}
const logger = createLogger({ level: 'error' })
const ports = { appId: 'wx1', clock: Date.now, outbound: createOutbound({ logger }) }

describe('who takes the money', () => {
  test('is the partner that is named, whose name its orders keep', () => {
    const settings = readEnv(ENV, providerSettings)

    expect(openProvider(settings, { ...ports, partnerKeys: PARTNER_KEYS }).name).toBe(partner)
  })

  test('is WeChat Pay where none is named, so its settings are missed', () => {
    expect(() => readEnv({}, providerSettings)).toThrow('WECHAT_PAY_MCH_ID is missing')
  })

  test('may be nobody where orders need not be paid', () => {
    expect(readEnv({}, optionalProviderSettings)).toBeUndefined()
    expect(readEnv(ENV, optionalProviderSettings)).toMatchObject({ partner })
  })

  test('needs a key that both sides have', () => {
    const settings = readEnv(ENV, providerSettings)

    expect(() => openProvider(settings, { ...ports, partnerKeys: parsePartnerKeys('') })).toThrow(
      'PARTNER_KEYS has no key of PAYMENT_PARTNER',
    )
  })

  test.each([
    [{ PAYMENT_PARTNER: 'Acme' }, 'PAYMENT_PARTNER must be the name of a partner'],
    [{ PAYMENT_PARTNER_URL: '' }, 'PAYMENT_PARTNER_URL is missing'],
    [{ PAYMENT_PARTNER_NOTIFY_URL: 'ftp://x' }, 'PAYMENT_PARTNER_NOTIFY_URL must be a URL'],
  ])('cannot be read from %j', (change, problem) => {
    expect(() => readEnv({ ...ENV, ...change }, providerSettings)).toThrow(problem)
  })
})
