import { randomBytes, randomUUID } from 'node:crypto'
import type { Clock } from '#shared/clock.ts'
import type { PartnerKey } from '#shared/signing/partner-keys.ts'
import { signRequest } from '#shared/signing/sign-request.ts'
import { signWebhook } from '#shared/signing/webhook.ts'

/** How the partner proves itself. */
export type Proof = 'x-signature' | 'webhook'

/** What is wrong with a notice. `re-serialised`: the same JSON in other bytes than were signed. */
export const NOTICE_FLAWS = [
  'unsigned',
  'stale',
  'tampered',
  'wrong-key',
  're-serialised',
  'other-path',
] as const

export type NoticeFlaw = (typeof NOTICE_FLAWS)[number]

export interface Notice {
  readonly url: string
  readonly type: string
  readonly data: unknown
  readonly proof?: Proof
  /** The same for every time that it is told. */
  readonly id?: string
  readonly flaw?: NoticeFlaw | undefined
  /** How often the very same request is sent, all at once. */
  readonly times?: number
}

export interface Reply {
  readonly status: number
  readonly text: string
}

const STALE_MS = 600_000
const TIMEOUT_MS = 10_000

/** Tells of something as the partner does. */
export async function sendNotice(
  { kid, key }: PartnerKey,
  { url, type, data, proof = 'x-signature', id = randomUUID(), flaw, times = 1 }: Notice,
  clock: Clock,
): Promise<readonly Reply[]> {
  const body = JSON.stringify({ id, type, data })
  const request = new Request(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  const signer = {
    kid,
    key: flaw === 'wrong-key' ? randomBytes(32) : key,
    clock: flaw === 'stale' ? () => clock() - STALE_MS : clock,
  }
  const signed =
    proof === 'webhook' ? await signWebhook(request, { ...signer, id }) : await signRequest(request, signer)
  const sent = flawed(flaw, { url, body })
  const headers = flaw === 'unsigned' ? request.headers : signed.headers
  return Promise.all(
    Array.from({ length: times }, async () => {
      const signal = AbortSignal.timeout(TIMEOUT_MS)
      const response = await fetch(sent.url, { method: 'POST', headers, body: sent.body, signal })
      return { status: response.status, text: await response.text() }
    }),
  )
}

function flawed(
  flaw: NoticeFlaw | undefined,
  { url, body }: { readonly url: string; readonly body: string },
) {
  if (flaw === 'tampered') return { url, body: body.replace(/"amountFen":\d+/, '"amountFen":1') }
  if (flaw === 're-serialised') return { url, body: JSON.stringify(JSON.parse(body), null, 1) }
  if (flaw === 'other-path') return { url: `${url}-other`, body }
  return { url, body }
}
