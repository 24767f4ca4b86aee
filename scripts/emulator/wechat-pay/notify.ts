import { randomBytes, randomUUID } from 'node:crypto'
import type { Clock } from '#shared/clock.ts'
import { type PayAccount, platformHeaders, type PlatformKey } from './account.ts'
import { sealedResource } from './sealed-resource.ts'

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
const STALE_MS = 600_000

/** A notification's body, encrypted for the merchant. */
export function noticeBody(
  account: PayAccount,
  { eventType, resource, id = randomUUID(), flaw }: Omit<Notice, 'url'>,
  nowMs: number,
): string {
  const type = eventType.startsWith('REFUND') ? 'refund' : 'transaction'
  const key = flaw === 'wrong-key' ? randomBytes(32) : Buffer.from(account.apiKey)
  return JSON.stringify({
    id,
    create_time: new Date(nowMs).toISOString(),
    resource_type: 'encrypt-resource',
    event_type: eventType,
    summary: eventType,
    resource: { original_type: type, ...sealedResource(key, JSON.stringify(resource), type) },
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
  key: PlatformKey,
  { url, body, flaw, headers: others = {} }: Sending,
  clock: Clock,
): Promise<{ readonly status: number; readonly text: string }> {
  const nowMs = clock()
  const headers = flawed(platformHeaders(key, body, flaw === 'stale' ? nowMs - STALE_MS : nowMs), flaw)
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
