import { createHash, createHmac } from 'node:crypto'
import { type ApiCall, type Credentials, headerOf } from '#scripts/emulator/control-plane/api-call.ts'
import { ApiRefusal } from '#scripts/emulator/control-plane/api-refusal.ts'
import { equalTexts } from '#scripts/emulator/object-store/equal-texts.ts'

const SKEW_MS = 15 * 60_000

/**
 * Lets a call of FC 2.0 pass that the credentials signed within 15 minutes of `nowMs`. Its content-md5 is the base64 of
 * the digest's hexadecimal text. @throws ApiRefusal
 * @see https://www.alibabacloud.com/help/doc-detail/52877.htm
 */
export function verifyFc2(call: ApiCall, credentials: Credentials, nowMs: number): void {
  const [, keyId, signature = ''] = /^FC ([^:]+):(.+)$/.exec(headerOf(call, 'authorization')) ?? []
  if (keyId === undefined)
    throw new ApiRefusal('no_signature', 'required HTTP header Authorization was not specified')
  if (keyId !== credentials.accessKeyId)
    throw new ApiRefusal('unknown_key', `invalid access key ID '${keyId}'`)
  if (!(Math.abs(Date.parse(headerOf(call, 'date')) - nowMs) <= SKEW_MS))
    throw new ApiRefusal('skewed_time', 'the Date header is more than 15 minutes from the time of the server')
  const md5 = Buffer.from(createHash('md5').update(call.body).digest('hex')).toString('base64')
  if (call.body.length > 0 && !equalTexts(md5, headerOf(call, 'content-md5')))
    throw new ApiRefusal('wrong_body_hash', 'content-md5 is not the digest of the body')
  const expected = createHmac('sha256', credentials.accessKeySecret).update(textOf(call)).digest('base64')
  if (!equalTexts(expected, signature))
    throw new ApiRefusal(
      'wrong_signature',
      'The request signature we calculated does not match the signature you provided',
    )
}

function textOf(call: ApiCall): string {
  const first = [call.method, ...['content-md5', 'content-type', 'date'].map((name) => headerOf(call, name))]
  const own = Object.keys(call.headers)
    .filter((name) => name.startsWith('x-fc-'))
    .sort()
    .map((name) => `${name}:${headerOf(call, name)}`)
  return [...first, ...own, decodeURIComponent(call.path)].join('\n')
}
