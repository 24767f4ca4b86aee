import { createVerify } from 'node:crypto'
import type { PayAccount } from './account.ts'
import { PayRefusal } from './refusal.ts'

const MAX_SKEW_S = 300

export interface Signed {
  readonly method: string
  readonly target: string
  readonly body: string
  readonly authorization: string
}

/** As WeChat Pay checks a merchant's signature. @throws PayRefusal SIGN_ERROR */
export function checkAuthorization(
  account: PayAccount,
  nowMs: number,
  { method, target, body, authorization }: Signed,
): void {
  const [scheme, rest = ''] = authorization.split(/ (.*)/s)
  if (scheme !== 'WECHATPAY2-SHA256-RSA2048') throw refused('认证类型不正确')
  const fields = Object.fromEntries(
    [...rest.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
  )
  const { mchid, serial_no: serial, nonce_str: nonce, timestamp, signature } = fields
  if (mchid !== account.mchId || serial !== account.serial) throw refused('商户号或证书序列号不正确')
  if (Math.abs(nowMs / 1_000 - Number(timestamp)) > MAX_SKEW_S)
    throw refused('Http头Authorization值中的timestamp已过期')
  const verifier = createVerify('RSA-SHA256').update(
    `${method}\n${target}\n${timestamp}\n${nonce}\n${body}\n`,
  )
  if (!verifier.verify(account.merchantPublicKey, signature ?? '', 'base64')) throw refused('签名错误')
}

function refused(message: string): PayRefusal {
  return new PayRefusal(401, 'SIGN_ERROR', message)
}
