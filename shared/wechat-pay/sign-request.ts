import { createSign } from 'node:crypto'
import type { Merchant } from './merchant.ts'

export const SCHEME = 'WECHATPAY2-SHA256-RSA2048'

/** What is signed of a request. */
export interface Signable {
  readonly method: string
  /** Path and query exactly as they are sent. */
  readonly target: string
  /** Unix seconds. */
  readonly timestamp: string
  readonly nonce: string
  /** As sent; empty without one. */
  readonly body: string
}

/** The `Authorization` header of a call. @see https://pay.weixin.qq.com/doc/v3/merchant/4012365336 */
export function authorization({ mchId, serial, privateKey }: Merchant, call: Signable): string {
  const { method, target, timestamp, nonce, body } = call
  const fields = {
    mchid: mchId,
    nonce_str: nonce,
    signature: signLines(privateKey, [method, target, timestamp, nonce, body]),
    timestamp,
    serial_no: serial,
  }
  const quoted = Object.entries(fields).map(([name, value]) => `${name}="${value}"`)
  return `${SCHEME} ${quoted.join(',')}`
}

/** RSA PKCS #1 v1.5 with SHA-256 over the lines, each of which ends in a line feed; in base64. */
export function signLines(privateKey: Merchant['privateKey'], lines: readonly string[]): string {
  return createSign('RSA-SHA256')
    .update(lines.map((line) => `${line}\n`).join(''))
    .sign(privateKey, 'base64')
}
