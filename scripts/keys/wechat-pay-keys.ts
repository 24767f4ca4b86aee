import { outwardUrl } from '#shared/backend/outward-url.ts'
import { type Env, type Read, readEnv } from '#shared/config/read-env.ts'
import type { Clock } from '#shared/clock.ts'
import { Fault } from '#shared/errors.ts'
import { createOutbound } from '#shared/outbound/outbound.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { secret } from '#shared/secret.ts'
import { downloadCertificates } from '#shared/wechat-pay/certificates.ts'
import { parseMerchantKey } from '#shared/wechat-pay/merchant.ts'
import { checkedApiKey } from '#shared/wechat-pay/open-resource.ts'
import { PayError } from '#shared/wechat-pay/pay-error.ts'
import { WECHAT_PAY_URL } from '#shared/wechat-pay/wechat-pay.ts'

const PUBLIC_KEY = /^PUB_KEY_ID_/
const NO_CERTIFICATES = `This merchant has no platform certificates: it is in public-key mode. Take the WeChat Pay public key and its id from
the merchant console (账户中心, API安全, 微信支付公钥), and set
  WECHAT_PAY_PLATFORM_KEYS=PUB_KEY_ID_…:<the public key's PEM file in base64, on one line>`

const SIGNATURE = `WeChat Pay refuses our signature: WECHAT_PAY_MCH_ID, WECHAT_PAY_SERIAL and WECHAT_PAY_PRIVATE_KEY must be of one API
certificate, and the clock right`

/** What to do about a refusal, by its reason. */
const ADVICE: Readonly<Record<string, string>> = {
  resource_not_exists: NO_CERTIFICATES,
  cannot_decrypt:
    'The certificates cannot be opened: WECHAT_PAY_API_KEY is not the APIv3 key of this merchant in the console.',
}

/**
 * The value of WECHAT_PAY_PLATFORM_KEYS with the certificates that WeChat Pay uses at present, beside the public keys
 * that it holds already.
 *
 * @throws Error that says what to do
 */
export async function wechatPayKeys(env: Env, clock: Clock, signal: AbortSignal): Promise<string> {
  const settings = readEnv(env, merchantSettings)
  const outbound = createOutbound({ logger: createLogger({ write: () => {} }), clock })
  const known = (env['WECHAT_PAY_PLATFORM_KEYS'] ?? '').split(',').map((entry) => entry.trim())
  try {
    const certificates = await downloadCertificates({ ...settings, clock, outbound }, signal)
    const fresh = certificates.map(({ pem }) => Buffer.from(pem).toString('base64'))
    return [...known.filter((entry) => PUBLIC_KEY.test(entry)), ...fresh].join()
  } catch (cause) {
    throw explained(cause)
  }
}

function merchantSettings(read: Read) {
  return {
    merchant: {
      mchId: read.text('WECHAT_PAY_MCH_ID'),
      serial: read.text('WECHAT_PAY_SERIAL'),
      privateKey: read.parsed('WECHAT_PAY_PRIVATE_KEY', parseMerchantKey),
    },
    apiKey: read.parsed('WECHAT_PAY_API_KEY', (text) => secret(checkedApiKey(text))),
    baseUrl: outwardUrl(read, 'WECHAT_PAY_BASE_URL', WECHAT_PAY_URL),
  }
}

function explained(cause: unknown): unknown {
  if (!(cause instanceof Fault)) return cause
  const advice = ADVICE[String(cause.details[0]?.['reason'])]
  if (advice !== undefined) return new Error(advice)
  const isUnsigned = cause.cause instanceof PayError && cause.cause.status === 401
  return new Error(isUnsigned ? SIGNATURE : 'Cannot get the certificates of WeChat Pay', { cause })
}
