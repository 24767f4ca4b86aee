import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { platformHeaders, signingKey } from '#scripts/emulator/wechat-pay/account.ts'
import { type PushMessage, pushRequest, type PushTarget } from '#scripts/emulator/wechat/push-request.ts'
import { generateSecrets } from '#scripts/keys/generate-secrets.ts'
import { secret } from '#shared/secret.ts'
import { parsePartnerKeys } from '#shared/signing/partner-keys.ts'
import { type Shop, startShop } from '#tests/payments/shop.ts'
import type { TestAnswer, TestCall } from '#tests/invocation.ts'
import { required } from '#tests/services/servers.ts'
import { APP_ID } from '#tests/wechat-pay/stand-in.ts'

const keys = generateSecrets()
const partnerKeys = parsePartnerKeys(keys.PARTNER_KEYS)
const partner = required(partnerKeys.all[0])
const { WECHAT_PUSH_TOKEN: token, WECHAT_PUSH_AES_KEY: encodingAesKey } = keys
const SECRET = 'what-nobody-may-read'
const TOO_LARGE = JSON.stringify({ secret: SECRET.repeat(4_000) })

let shop: Shop
beforeAll(async () => {
  const quiet = { tell: async () => {}, deliver: async () => {} }
  shop = await startShop({
    callback: {
      partnerKeys,
      pushToken: secret(token),
      pushAesKey: secret(encodingAesKey),
      partners: quiet,
    },
  })
})
beforeEach(() => {
  shop.backend.log.length = 0
})
afterAll(() => shop?.close())

const call = (name: string, options: TestCall): Promise<TestAnswer> =>
  shop.call(`/api/v1/callback/${name}`, options)

interface PushChange {
  readonly to?: Partial<PushTarget>
  readonly without?: string
  readonly body?: string
}

/** A push to the function, with what is wrong about it. */
function push(message: PushMessage, { to, without, body }: PushChange = {}): Promise<TestAnswer> {
  const target = { url: 'http://x/', token, encodingAesKey, mode: 'secure', format: 'json', ...to } as const
  const pushed = pushRequest(target, message, { appId: APP_ID, nowMs: shop.backend.now() })
  if (without !== undefined) pushed.url.searchParams.delete(without)
  return call(`wechat-message${pushed.url.search}`, { method: 'POST', body: body ?? pushed.body })
}

/** What WeChat Pay has signed, whatever it is. */
function signed(body: string): Promise<TestAnswer> {
  const headers = platformHeaders(signingKey(shop.pay.standIn.account), body, shop.backend.now())
  return call('wechat-pay', { body, headers })
}

const EVENT = { MsgType: 'event', Event: 'user_authorization_revoke', FromUserName: SECRET }
const byPartner = (body: unknown, clock = shop.backend.now) =>
  call(partner.partner, { body, signer: { ...partner, clock } })
const MINUTES_MS = 600_000

test.each<[string, () => Promise<TestAnswer>, object]>([
  [
    'a notification without headers',
    () => call('wechat-pay', { body: { secret: SECRET } }),
    { source: 'wechat-pay', reason: 'missing_header', part: 'wechatpay-timestamp' },
  ],
  [
    'a notification that is too large',
    () => signed(TOO_LARGE),
    { source: 'wechat-pay', reason: 'too_large', error: 'payload_too_large' },
  ],
  [
    'a notification that is none',
    () => signed(JSON.stringify({ secret: SECRET })),
    { source: 'wechat-pay', reason: 'unreadable' },
  ],
  [
    'a push without its time',
    () => push(EVENT, { without: 'timestamp' }),
    { source: 'wechat-message', reason: 'missing', part: 'timestamp' },
  ],
  [
    'a push without its signature',
    () => push(EVENT, { without: 'msg_signature' }),
    { source: 'wechat-message', reason: 'missing', part: 'msg_signature' },
  ],
  [
    'a push by another token',
    () => push(EVENT, { to: { token: 'another' } }),
    { source: 'wechat-message', reason: 'signature' },
  ],
  [
    'a push in plain',
    () => push(EVENT, { to: { mode: 'plain' } }),
    { source: 'wechat-message', reason: 'encryption_required' },
  ],
  [
    'a push that is too large',
    () => push(EVENT, { body: TOO_LARGE }),
    { source: 'wechat-message', reason: 'too_large' },
  ],
  [
    'an event of another shape',
    () => push({ ...EVENT, OpenID: SECRET, RevokeInfo: 'all' }),
    { source: 'wechat-message', reason: 'malformed', part: 'RevokeInfo', error: 'unavailable' },
  ],
  [
    "a question that is not WeChat's",
    () => call('wechat-message?timestamp=1&nonce=1', {}),
    { source: 'wechat-message', reason: 'missing', part: 'signature' },
  ],
  [
    "a partner's message without a signature",
    () => call(partner.partner, { body: { secret: SECRET } }),
    { source: partner.partner, reason: 'missing_header', part: 'X-Signature' },
  ],
  [
    "a partner's message with half a signature",
    () => call(partner.partner, { body: {}, headers: { 'x-signature': 'v1;kid=x' } }),
    { source: partner.partner, reason: 'malformed_header', part: 'X-Signature' },
  ],
  [
    "a partner's message that is too large",
    () => byPartner(TOO_LARGE),
    { source: partner.partner, reason: 'too_large' },
  ],
  [
    "a partner's message without an id",
    () => byPartner({ type: 'goods.sent', data: {} }),
    { source: partner.partner, reason: 'missing', part: 'id' },
  ],
  [
    "a partner's message that is no JSON",
    () => byPartner(SECRET),
    { source: partner.partner, reason: 'malformed' },
  ],
  [
    "a partner's old message",
    () => byPartner({ id: '1', type: 'x', data: {} }, () => shop.backend.now() - MINUTES_MS),
    { source: partner.partner, reason: 'clock_skew' },
  ],
])('%s is refused, and one line says who and why, and nothing of what it says', async (_, refused, line) => {
  const { status, body } = await refused()

  const lines = shop.backend.log.map((each) => JSON.parse(each))
  expect(status).toBeGreaterThanOrEqual(400)
  expect(lines.filter(({ event }) => event === 'callback.refused')).toEqual([
    expect.objectContaining({ level: 'warn', requestId: 'test-request', ...line }),
  ])
  expect(shop.backend.log.join('\n')).not.toContain(SECRET)
  expect(body).not.toHaveProperty('data')
})
