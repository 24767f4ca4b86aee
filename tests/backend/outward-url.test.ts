import { describe, expect, test } from '@jest/globals'
import { wechatSettings } from '#shared/backend/backend-settings.ts'
import { downstreamSettings } from '#shared/backend/downstream.ts'
import { outwardUrl } from '#shared/backend/outward-url.ts'
import { paymentSettings } from '#shared/backend/payment-settings.ts'
import { providerSettings } from '#shared/backend/provider-settings.ts'
import { type Env, type Read, readEnv } from '#shared/config/read-env.ts'

const read = (env: Env) => readEnv(env, (from) => outwardUrl(from, 'HOOK_URL'))

describe('where calls to others go', () => {
  test.each<[string, (from: Read) => unknown]>([
    ['WEBHOOK_URL', downstreamSettings],
    ['EVENT_BUS_URL', downstreamSettings],
    ['PAYMENT_PARTNER_URL', providerSettings],
    ['PAYMENT_PARTNER_NOTIFY_URL', providerSettings],
    ['WECHAT_BASE_URL', wechatSettings],
    ['WECHAT_PAY_BASE_URL', paymentSettings],
  ])('is not told unencrypted to another host by %s', (name, settings) => {
    const env = {
      PAYMENT_PARTNER: name.startsWith('PAYMENT') ? 'acme' : '',
      [name]: 'http://shop.example/hook',
    }

    expect(() => readEnv(env, settings)).toThrow(
      `${name} must be a URL that begins with https://; http:// is for`,
    )
  })

  test.each([
    'https://shop.example/',
    'http://localhost:9000/',
    'http://127.0.0.1:9000/',
    'http://0x7f.1/',
    'http://10.1.2.3/',
    'http://192.168.0.7/',
    'http://[::1]:9000/',
    'http://[fd12::1]/',
  ])('may be %s', (url) => {
    expect(read({ HOOK_URL: url }).href).toBe(new URL(url).href)
  })

  test.each([
    'http://shop.example/',
    'http://8.8.8.8/',
    'http://169.254.169.254/',
    'http://[2001:4860:4860::8888]/',
    'http://localhost.evil.example/',
    'http://10.example/',
    'http://127.0.0.1.evil.example/',
    'http://10.0.0.1@shop.example/',
    'ftp://127.0.0.1/',
    'no URL',
  ])('may not be %s', (url) => {
    expect(() => read({ HOOK_URL: url })).toThrow('HOOK_URL must be a URL that begins with https://')
  })

  test('may be an unencrypted one that has been named as private', () => {
    const env = { HOOK_URL: 'http://bus.internal/', OUTBOUND_PRIVATE_HOSTS: 'Bus.Internal, other.internal' }

    expect(read(env).href).toBe('http://bus.internal/')
  })

  test('is what it is by default where nothing is set', () => {
    const url = readEnv({}, (from) => outwardUrl(from, 'HOOK_URL', 'https://api.example'))

    expect(url.href).toBe('https://api.example/')
    expect(() => read({})).toThrow('HOOK_URL is missing')
  })
})
