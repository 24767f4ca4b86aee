import { createHash, createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { newSerial, selfSigned } from './certificate.ts'

/** By what WeChat Pay proves what it sends to a merchant: newer ones have a public key, older ones a certificate, and who moves has both. */
export type ProvenBy = 'public-key' | 'certificate' | 'both'

/** One of WeChat Pay's own keys. */
export interface PlatformKey {
  /** That its messages name. */
  readonly serial: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

export interface PlatformCertificate extends PlatformKey {
  readonly pem: string
  readonly from: Date
  readonly to: Date
}

/** Both sides' keys of one merchant, made anew at every start: nothing signed here is worth anything elsewhere. */
export interface PayAccount {
  readonly mchId: string
  readonly appId: string
  readonly serial: string
  readonly merchantPrivateKey: KeyObject
  readonly merchantPublicKey: KeyObject
  /** 32 characters. */
  readonly apiKey: string
  /** At least one of the two is there. */
  readonly platformKey: PlatformKey | undefined
  readonly certificate: PlatformCertificate | undefined
}

const YEAR_MS = 365 * 86_400_000

export function newPayAccount(appId: string, provenBy: ProvenBy = 'public-key'): PayAccount {
  const merchant = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return {
    mchId: '1900000001',
    appId,
    serial: randomBytes(20).toString('hex').toUpperCase(),
    merchantPrivateKey: merchant.privateKey,
    merchantPublicKey: merchant.publicKey,
    apiKey: createHash('sha256').update(randomBytes(32)).digest('hex').slice(0, 32),
    platformKey: provenBy === 'certificate' ? undefined : newPlatformKey(),
    certificate: provenBy === 'public-key' ? undefined : newCertificate(),
  }
}

function newPlatformKey(): PlatformKey {
  const digits = String(Date.now()).padStart(30, '0')
  return { serial: `PUB_KEY_ID_${digits}`, ...generateKeyPairSync('rsa', { modulusLength: 2048 }) }
}

function newCertificate(): PlatformCertificate {
  const from = new Date(Date.now() - YEAR_MS)
  const key = { serial: newSerial(), ...generateKeyPairSync('rsa', { modulusLength: 2048 }), from }
  const to = new Date(from.getTime() + 5 * YEAR_MS)
  return { ...key, to, pem: selfSigned({ ...key, to }) }
}

/** The keys that the merchant knows WeChat Pay by, as the functions want them. */
export function platformSetting({ platformKey, certificate }: PayAccount): string {
  const base64 = (pem: string | Buffer) => Buffer.from(pem).toString('base64')
  return [
    ...(platformKey === undefined
      ? []
      : [`${platformKey.serial}:${base64(platformKey.publicKey.export({ format: 'pem', type: 'spki' }))}`]),
    ...(certificate === undefined ? [] : [base64(certificate.pem)]),
  ].join()
}

/** The settings with which functions are this merchant. */
export function paySettings(account: PayAccount): Readonly<Record<string, string>> {
  const pem = account.merchantPrivateKey.export({ format: 'pem', type: 'pkcs8' })
  return {
    WECHAT_PAY_MCH_ID: account.mchId,
    WECHAT_PAY_SERIAL: account.serial,
    WECHAT_PAY_PRIVATE_KEY: Buffer.from(pem).toString('base64'),
    WECHAT_PAY_API_KEY: account.apiKey,
    WECHAT_PAY_PLATFORM_KEYS: platformSetting(account),
  }
}

/** The key that signs: the public key where `asked` is its serial, or where there is no certificate. */
export function signingKey({ platformKey, certificate }: PayAccount, asked?: string): PlatformKey {
  const isAsked = asked !== undefined && asked === platformKey?.serial
  const key = (isAsked ? platformKey : certificate) ?? platformKey
  if (key === undefined) throw new TypeError('Cannot sign: there is neither a public key nor a certificate')
  return key
}

/** The headers by which WeChat Pay proves what it sends. */
export function platformHeaders(key: PlatformKey, body: string, nowMs: number): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1_000))
  const nonce = randomBytes(16).toString('hex')
  const signature = createSign('RSA-SHA256')
    .update(`${timestamp}\n${nonce}\n${body}\n`)
    .sign(key.privateKey, 'base64')
  return {
    'wechatpay-timestamp': timestamp,
    'wechatpay-nonce': nonce,
    'wechatpay-signature': signature,
    'wechatpay-serial': key.serial,
    'wechatpay-signature-type': 'WECHATPAY2-SHA256-RSA2048',
  }
}
