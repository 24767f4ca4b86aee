import { createCipheriv, randomBytes, randomUUID } from 'node:crypto'
import type { Clock } from '#shared/clock.ts'
import { type PayAccount, platformHeaders } from './account.ts'

/** What is told, and how wrongly. */
export interface Notice {
  readonly url: string
  readonly eventType: string
  readonly resource: unknown
  /** The same for every time the notice is sent. */
  readonly id?: string
  readonly flaw?: Flaw | undefined
}

/** `probe`: as WeChat Pay tests whether signatures are checked. */
export const FLAWS = ['unsigned', 'wrong-signature', 'wrong-serial', 'stale', 'probe', 'wrong-key'] as const

export type Flaw = (typeof FLAWS)[number]

const TIMEOUT_MS = 5_000
const NONCE_BYTES = 12
const STALE_MS = 600_000

/** A notification's body, encrypted for the merchant. */
export function noticeBody(
  account: PayAccount,
  { eventType, resource, id = randomUUID(), flaw }: Omit<Notice, 'url'>,
  nowMs: number,
): string {
  const nonce = randomBytes(NONCE_BYTES / 2).toString('hex')
  const type = eventType.startsWith('REFUND') ? 'refund' : 'transaction'
  const key = flaw === 'wrong-key' ? randomBytes(32) : Buffer.from(account.apiKey)
  const cipher = createCipheriv('aes-256-gcm', key, Buffer.from(nonce)).setAAD(Buffer.from(type))
  const sealed = Buffer.concat([cipher.update(JSON.stringify(resource)), cipher.final(), cipher.getAuthTag()])
  return JSON.stringify({
    id,
    create_time: new Date(nowMs).toISOString(),
    resource_type: 'encrypt-resource',
    event_type: eventType,
    summary: eventType,
    resource: {
      original_type: type,
      algorithm: 'AEAD_AES_256_GCM',
      ciphertext: sealed.toString('base64'),
      associated_data: type,
      nonce,
    },
  })
}

interface Sending {
  readonly url: string
  readonly body: string
  readonly flaw?: Flaw | undefined
  readonly headers?: Readonly<Record<string, string>>
}

/** Sends a body as WeChat Pay does; the status and text of the answer. */
export async function sendNotice(
  account: PayAccount,
  { url, body, flaw, headers: others = {} }: Sending,
  clock: Clock,
): Promise<{ readonly status: number; readonly text: string }> {
  const nowMs = clock()
  const headers = flawed(platformHeaders(account, body, flaw === 'stale' ? nowMs - STALE_MS : nowMs), flaw)
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...others, ...headers },
    body,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  return { status: response.status, text: await response.text() }
}

function flawed(headers: Record<string, string>, flaw: Flaw | undefined): Record<string, string> {
  if (flaw === 'unsigned') return {}
  if (flaw === 'wrong-serial') return { ...headers, 'wechatpay-serial': 'PUB_KEY_ID_0' }
  if (flaw === 'wrong-signature') return { ...headers, 'wechatpay-nonce': 'another' }
  if (flaw === 'probe')
    return { ...headers, 'wechatpay-signature': `WECHATPAY/SIGNTEST/${headers['wechatpay-signature']}` }
  return headers
}
