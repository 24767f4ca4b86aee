import { createHash, createHmac } from 'node:crypto'
import { equalTexts } from '#scripts/emulator/object-store/equal-texts.ts'
import { percentEncode } from '#shared/storage/percent-encode.ts'
import { type ApiCall, type Credentials, headerOf } from './api-call.ts'
import { ApiRefusal } from './api-refusal.ts'

const ALGORITHM = 'ACS3-HMAC-SHA256'
const FORM = /^ACS3-HMAC-SHA256 Credential=([^,]*),\s*SignedHeaders=([^,]*),\s*Signature=([0-9a-f]{64})$/
const DEMANDED = ['host', 'x-acs-date', 'x-acs-content-sha256', 'x-acs-action', 'x-acs-version']
const SKEW_MS = 15 * 60_000

/**
 * Lets a call pass that the credentials signed within 15 minutes of `nowMs`. @throws ApiRefusal
 * @see https://help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature
 */
export function verifyAcs3(call: ApiCall, credentials: Credentials, nowMs: number): void {
  const [, keyId, signed = '', signature = ''] = FORM.exec(headerOf(call, 'authorization')) ?? []
  if (keyId === undefined) throw new ApiRefusal('no_signature', 'The call has no ACS3-HMAC-SHA256 signature')
  if (keyId !== credentials.accessKeyId)
    throw new ApiRefusal('unknown_key', 'Specified access key is not found')
  const names = signed.split(';')
  const missing = DEMANDED.find((name) => !names.includes(name))
  if (missing !== undefined) throw new ApiRefusal('wrong_signature', `The header ${missing} is not signed`)
  const timeMs = Date.parse(headerOf(call, 'x-acs-date'))
  if (!(Math.abs(timeMs - nowMs) <= SKEW_MS))
    throw new ApiRefusal('skewed_time', 'x-acs-date is more than 15 minutes from the time of the server')
  const digest = createHash('sha256').update(call.body).digest('hex')
  if (!equalTexts(digest, headerOf(call, 'x-acs-content-sha256')))
    throw new ApiRefusal('wrong_body_hash', 'x-acs-content-sha256 is not the digest of the body')
  const text = `${ALGORITHM}\n${createHash('sha256')
    .update(canonical(call, names, digest))
    .digest('hex')}`
  const expected = createHmac('sha256', credentials.accessKeySecret).update(text).digest('hex')
  if (!equalTexts(expected, signature))
    throw new ApiRefusal('wrong_signature', 'Specified signature does not match our calculation')
}

function canonical(call: ApiCall, names: readonly string[], digest: string): string {
  const query = [...call.query]
    .map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`)
    .sort()
    .join('&')
  const headers = names.map((name) => `${name}:${headerOf(call, name).trim()}\n`).join('')
  return [call.method, call.path, query, headers, names.join(';'), digest].join('\n')
}
