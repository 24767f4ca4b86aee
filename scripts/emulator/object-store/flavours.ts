import type { Account } from './account.ts'
import type { Flavour, Incoming } from './incoming.ts'
import { Refusal } from './refusal.ts'
import { verifyCos } from './verify-cos.ts'
import { OSS_READING, S3_READING, verifyV4 } from './verify-v4.ts'

interface FlavourRow {
  readonly isSpoken: (request: Incoming) => boolean
  readonly verify: (request: Incoming, account: Account, nowMs: number) => void
  /** The vendor's own headers, such as the request's id, begin with it. */
  readonly headerPrefix: string
  /** The smallest part but the last. */
  readonly minPartBytes: number
}

export const FLAVOURS: Readonly<Record<Flavour, FlavourRow>> = {
  s3: {
    isSpoken: ({ query, headers }) =>
      query.has('X-Amz-Signature') || (headers['authorization'] ?? '').startsWith('AWS4-HMAC-SHA256'),
    verify: (request, account, nowMs) => verifyV4(S3_READING, request, account, nowMs),
    headerPrefix: 'x-amz-',
    minPartBytes: 5 * 1024 * 1024,
  },
  oss: {
    isSpoken: ({ query, headers }) =>
      query.has('x-oss-signature') || (headers['authorization'] ?? '').startsWith('OSS4-HMAC-SHA256'),
    verify: (request, account, nowMs) => verifyV4(OSS_READING, request, account, nowMs),
    headerPrefix: 'x-oss-',
    minPartBytes: 100 * 1024,
  },
  cos: {
    isSpoken: ({ query, headers }) =>
      query.has('q-signature') || (headers['authorization'] ?? '').startsWith('q-sign-algorithm='),
    verify: verifyCos,
    headerPrefix: 'x-cos-',
    minPartBytes: 1024 * 1024,
  },
}

const NAMES = Object.keys(FLAVOURS) as readonly Flavour[] // keys of the literal above

/** The protocol in which a request is signed. */
export function flavourOf(request: Incoming): Flavour {
  const found = NAMES.find((name) => FLAVOURS[name].isSpoken(request))
  if (found === undefined) throw new Refusal('AccessDenied', 'Anonymous access is forbidden')
  return found
}
