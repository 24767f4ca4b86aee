import * as v from 'valibot'
import { Fault } from '#shared/errors.ts'
import type { Secret } from '#shared/secret.ts'
import type { PayCall } from './calls.ts'
import { openResource } from './open-resource.ts'
import { certificateKey } from './platform-keys.ts'
import { askWechatPay, readAnswer, type WechatPayOptions } from './wechat-pay.ts'

export interface PlatformCertificate {
  /** In upper-case hex. */
  readonly serial: string
  readonly pem: string
  readonly expiresAt: Date
}

const Certificates = v.object({
  data: v.array(
    v.object({
      expire_time: v.string(),
      encrypt_certificate: v.object({
        nonce: v.string(),
        associated_data: v.optional(v.string()),
        ciphertext: v.string(),
      }),
    }),
  ),
})

/** @see https://pay.weixin.qq.com/doc/v3/merchant/4012551764 */
const CALL: PayCall<typeof Certificates> = {
  method: 'GET',
  target: '/v3/certificates',
  answer: Certificates,
  isRepeatable: true,
}

/**
 * The certificates that WeChat Pay proves its messages with at present. The answer is proven by one of those that it
 * brings: only who has the APIv3 key could have sealed them.
 *
 * @throws Fault refused_by_provider with the reason `resource_not_exists` for a merchant that has a public key instead,
 *   validation_failed with `cannot_decrypt` for another APIv3 key; upstream_failed, upstream_timeout
 */
export async function downloadCertificates(
  options: Omit<WechatPayOptions, 'platformKeys'> & { readonly apiKey: Secret },
  signal: AbortSignal,
): Promise<readonly PlatformCertificate[]> {
  const answer = await askWechatPay({ ...options, platformKeys: new Map() }, CALL, signal)
  const found = answer.status === 200 ? opened(options.apiKey, answer.body) : []
  const platformKeys = new Map(found.map(({ pem }) => certificateKey(pem)))
  readAnswer({ ...options, platformKeys }, CALL, answer)
  return found.filter(({ expiresAt }) => expiresAt.getTime() > options.clock())
}

function opened(apiKey: Secret, body: Buffer): readonly PlatformCertificate[] {
  const result = v.safeParse(Certificates, parsed(body))
  if (!result.success) throw new Fault('upstream_failed', { details: [{ reason: 'unreadable' }] })
  return result.output.data.map(({ expire_time: expiresAt, encrypt_certificate: sealed }) => {
    const pem = openResource(apiKey, sealed)
    return { serial: certificateKey(pem)[0], pem, expiresAt: new Date(expiresAt) }
  })
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined
  }
}
