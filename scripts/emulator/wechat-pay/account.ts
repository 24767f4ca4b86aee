import { createHash, createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'

/** Both sides' keys of one merchant, made anew at every start: nothing signed here is worth anything elsewhere. */
export interface PayAccount {
  readonly mchId: string
  readonly appId: string
  readonly serial: string
  readonly merchantPrivateKey: KeyObject
  readonly merchantPublicKey: KeyObject
  /** 32 characters. */
  readonly apiKey: string
  readonly platformSerial: string
  readonly platformPrivateKey: KeyObject
  readonly platformPublicKey: KeyObject
}

export function newPayAccount(appId: string): PayAccount {
  const merchant = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const platform = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const digits = String(Date.now()).padStart(30, '0')
  return {
    mchId: '1900000001',
    appId,
    serial: randomBytes(20).toString('hex').toUpperCase(),
    merchantPrivateKey: merchant.privateKey,
    merchantPublicKey: merchant.publicKey,
    apiKey: createHash('sha256').update(randomBytes(32)).digest('hex').slice(0, 32),
    platformSerial: `PUB_KEY_ID_${digits}`,
    platformPrivateKey: platform.privateKey,
    platformPublicKey: platform.publicKey,
  }
}

/** The settings with which functions are this merchant. */
export function paySettings(account: PayAccount): Readonly<Record<string, string>> {
  const pem = account.merchantPrivateKey.export({ format: 'pem', type: 'pkcs8' })
  const platformPem = account.platformPublicKey.export({ format: 'pem', type: 'spki' })
  return {
    WECHAT_PAY_MCH_ID: account.mchId,
    WECHAT_PAY_SERIAL: account.serial,
    WECHAT_PAY_PRIVATE_KEY: Buffer.from(pem).toString('base64'),
    WECHAT_PAY_API_KEY: account.apiKey,
    WECHAT_PAY_PLATFORM_KEYS: `${account.platformSerial}:${Buffer.from(platformPem).toString('base64')}`,
  }
}

/** The headers by which WeChat Pay proves what it sends. */
export function platformHeaders(account: PayAccount, body: string, nowMs: number): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1_000))
  const nonce = randomBytes(16).toString('hex')
  const signature = createSign('RSA-SHA256')
    .update(`${timestamp}\n${nonce}\n${body}\n`)
    .sign(account.platformPrivateKey, 'base64')
  return {
    'wechatpay-timestamp': timestamp,
    'wechatpay-nonce': nonce,
    'wechatpay-signature': signature,
    'wechatpay-serial': account.platformSerial,
    'wechatpay-signature-type': 'WECHATPAY2-SHA256-RSA2048',
  }
}
