import type { Received } from '#shared/db/take-once.ts'

/** What senders sign with, and what their signatures cover besides body, method and URL. */
const PROOFS = [
  'host',
  'wechatpay-nonce',
  'wechatpay-serial',
  'wechatpay-signature',
  'wechatpay-signature-type',
  'wechatpay-timestamp',
  'webhook-id',
  'webhook-signature',
  'webhook-timestamp',
  'x-signature',
]

/** A request with what it is verified by: these headers, and its URL, in whose query WeChat's pushes are signed. */
export function receivedFrom({ method, url, headers }: Request, body: Uint8Array): Received {
  const kept = PROOFS.flatMap((name) => {
    const value = headers.get(name)
    return value === null ? [] : [[name, value] as const]
  })
  return { body, proof: { method, url, headers: Object.fromEntries(kept) } }
}
