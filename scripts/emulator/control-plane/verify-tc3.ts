import { createHash, createHmac } from 'node:crypto'
import { equalTexts } from '#scripts/emulator/object-store/equal-texts.ts'
import { type ApiCall, type Credentials, headerOf } from './api-call.ts'
import { ApiRefusal } from './api-refusal.ts'

const FORM =
  /^TC3-HMAC-SHA256 Credential=([^/]*)\/(\d{4}-\d\d-\d\d)\/([^/]*)\/tc3_request,\s*SignedHeaders=([^,]*),\s*Signature=([0-9a-f]{64})$/
const SKEW_S = 5 * 60

/**
 * Lets a call pass that the credentials signed within 5 minutes of `nowMs`. The service in the scope may be any: the
 * SDK takes the first label of the host for it, "127" on loopback. @throws ApiRefusal
 * @see https://cloud.tencent.com/document/api/583/33846
 */
export function verifyTc3(call: ApiCall, credentials: Credentials, nowMs: number): void {
  const [, keyId, day = '', service = '', signed = '', signature = ''] =
    FORM.exec(headerOf(call, 'authorization')) ?? []
  if (keyId === undefined) throw new ApiRefusal('no_signature', 'The call has no TC3-HMAC-SHA256 signature')
  if (keyId !== credentials.accessKeyId) throw new ApiRefusal('unknown_key', 'The SecretId is not found')
  const timeS = Number(headerOf(call, 'x-tc-timestamp') || NaN)
  const isNear = Math.abs(timeS - nowMs / 1_000) <= SKEW_S
  if (!isNear || new Date(timeS * 1_000).toISOString().slice(0, 10) !== day)
    throw new ApiRefusal('skewed_time', 'X-TC-Timestamp is more than 5 minutes from the time of the server')
  const names = signed.split(';')
  if (!names.includes('host') || !names.includes('content-type'))
    throw new ApiRefusal('wrong_signature', 'The headers content-type and host must be signed')
  const key = ['tc3_request', service, day].reduceRight<string | Buffer>(
    (from, part) => createHmac('sha256', from).update(part).digest(),
    `TC3${credentials.accessKeySecret}`,
  )
  // Clients differ in whether the host that they sign has the port.
  const host = headerOf(call, 'host')
  const matches = [host, host.replace(/:\d+$/, '')].some((name) => {
    const digest = createHash('sha256')
      .update(canonical(call, names, name))
      .digest('hex')
    const text = ['TC3-HMAC-SHA256', timeS, `${day}/${service}/tc3_request`, digest].join('\n')
    return equalTexts(createHmac('sha256', key).update(text).digest('hex'), signature)
  })
  if (!matches)
    throw new ApiRefusal(
      'wrong_signature',
      'The provided credentials could not be validated: wrong signature',
    )
}

function canonical(call: ApiCall, names: readonly string[], host: string): string {
  const headers = names.map((name) => `${name}:${name === 'host' ? host : headerOf(call, name).trim()}\n`)
  const digest = createHash('sha256').update(call.body).digest('hex')
  return [call.method, call.path, call.query.toString(), headers.join(''), names.join(';'), digest].join('\n')
}
