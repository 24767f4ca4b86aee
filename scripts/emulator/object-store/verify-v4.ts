import { bareWhenEmpty, encodePath, percentEncode } from '#shared/storage/percent-encode.ts'
import { OSS_DIALECT, isCovered } from '#shared/storage/oss-scheme.ts'
import { S3_DIALECT } from '#shared/storage/s3-scheme.ts'
import { UNSIGNED_PAYLOAD, type V4Dialect } from '#shared/storage/v4-scheme.ts'
import { credentialScope, v4Signature, v4StringToSign } from '#shared/storage/v4-signature.ts'
import type { Account } from './account.ts'
import { equalTexts } from './equal-texts.ts'
import { type Incoming, splitOnce } from './incoming.ts'
import { Refusal } from './refusal.ts'

/** How the verifier's half of a dialect reads a request. */
export interface V4Reading {
  readonly dialect: V4Dialect
  readonly canonicalPath: (request: Incoming) => string
  readonly pair: (name: string, value: string) => string
  /** The parameter of an `Authorization` header, and of a URL, that lists covered headers. */
  readonly headerList: readonly [header: string, parameter: string]
  /** Headers covered whether listed or not. */
  readonly always: (name: string) => boolean
  /** Headers that must be listed. */
  readonly demanded: (request: Incoming) => readonly string[]
}

export const S3_READING: V4Reading = {
  dialect: S3_DIALECT,
  canonicalPath: ({ path }) => encodePath(decodeURIComponent(path)),
  pair: (name, value) => `${name}=${value}`,
  headerList: ['SignedHeaders', 'X-Amz-SignedHeaders'],
  always: () => false,
  demanded: ({ headers }) => ['host', ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))],
}

export const OSS_READING: V4Reading = {
  dialect: OSS_DIALECT,
  canonicalPath: ({ bucket, key = '' }) => encodePath(`/${bucket}/${key}`),
  pair: bareWhenEmpty,
  headerList: ['AdditionalHeaders', 'x-oss-additional-headers'],
  always: isCovered,
  demanded: () => [],
}

interface Claim {
  readonly credential: string
  readonly time: string
  readonly headerList: readonly string[]
  readonly signature: string
  readonly token: string | undefined
  readonly payload: string
}

const SKEW_MS = 15 * 60_000
const MAX_EXPIRY_S = 7 * 24 * 3_600

/** Lets a request pass that is signed under the account, by its headers or its URL, and still valid. */
export function verifyV4(reading: V4Reading, request: Incoming, account: Account, nowMs: number): void {
  const isPresigned = request.query.has(reading.dialect.queryNames.signature)
  const claim = isPresigned ? claimOfUrl(reading, request) : claimOfHeaders(reading, request)
  const timeMs = v4TimeMs(claim.time)
  const isEarly = timeMs > nowMs + SKEW_MS
  if (isPresigned) requireUnexpired(request.query.get(reading.dialect.queryNames.expires), timeMs, nowMs)
  if (isEarly || (!isPresigned && timeMs < nowMs - SKEW_MS)) throw new Refusal('RequestTimeTooSkewed')
  const missing = reading.demanded(request).find((name) => !claim.headerList.includes(name))
  if (missing !== undefined)
    throw new Refusal('AccessDenied', `There were headers which were not signed: ${missing}`)
  requireCredential(reading.dialect, claim, account)
  const text = v4StringToSign(
    reading.dialect,
    claim.time,
    dayOf(claim, account),
    canonical(reading, request, claim),
  )
  requireSignature(reading.dialect, claim, account, text)
}

/** Checks that a credential is the account's, for the day of its time. */
export function requireCredential(
  dialect: V4Dialect,
  claim: Pick<Claim, 'credential' | 'time' | 'token'>,
  account: Account,
): void {
  const [keyId, scope] = splitOnce(claim.credential, '/')
  if (keyId !== account.accessKeyId) throw new Refusal('InvalidAccessKeyId')
  if (scope !== credentialScope(dialect, dayOf(claim, account)))
    throw new Refusal('InvalidArgument', 'The credential is for another day, region or service')
  if (claim.token !== account.sessionToken) throw new Refusal('AccessDenied', 'The security token is wrong')
}

export function requireSignature(
  dialect: V4Dialect,
  claim: Pick<Claim, 'time' | 'signature'>,
  account: Account,
  text: string,
): void {
  const expected = v4Signature(dialect, account.secretKey, dayOf(claim, account), text)
  if (!equalTexts(expected, claim.signature)) throw new Refusal('SignatureDoesNotMatch')
}

function claimOfHeaders({ dialect, headerList }: V4Reading, { headers }: Incoming): Claim {
  const terms = new Map(
    (headers['authorization'] ?? '')
      .slice(dialect.algorithm.length)
      .split(',')
      .map((term) => splitOnce(term.trim(), '=')),
  )
  return {
    credential: terms.get('Credential') ?? '',
    time: headers[`${dialect.headerPrefix}date`] ?? '',
    headerList: (terms.get(headerList[0]) ?? '').split(';').filter((name) => name !== ''),
    signature: terms.get('Signature') ?? '',
    token: headers[`${dialect.headerPrefix}security-token`],
    payload: headers[`${dialect.headerPrefix}content-sha256`] ?? UNSIGNED_PAYLOAD,
  }
}

function claimOfUrl({ dialect: { queryNames }, headerList }: V4Reading, { query }: Incoming): Claim {
  return {
    credential: query.get(queryNames.credential) ?? '',
    time: query.get(queryNames.date) ?? '',
    headerList: (query.get(headerList[1]) ?? '').split(';').filter((name) => name !== ''),
    signature: query.get(queryNames.signature) ?? '',
    token: query.get(queryNames.token),
    payload: UNSIGNED_PAYLOAD,
  }
}

function canonical(reading: V4Reading, request: Incoming, claim: Claim): string {
  const { headers } = request
  const covered = new Set([...claim.headerList, ...Object.keys(headers).filter(reading.always)])
  const lines = [...covered]
    .sort()
    .map((name) => `${name}:${(headers[name] ?? '').trim().replace(/ +/g, ' ')}\n`)
  return [
    request.method,
    reading.canonicalPath(request),
    canonicalQuery(reading, request),
    lines.join(''),
    claim.headerList.join(';'),
    claim.payload,
  ].join('\n')
}

function canonicalQuery({ dialect, pair }: V4Reading, { query }: Incoming): string {
  return [...query]
    .filter(([name]) => name !== dialect.queryNames.signature)
    .map(([name, value]) => [percentEncode(name), percentEncode(value ?? '')] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => pair(name, value))
    .join('&')
}

function requireUnexpired(expires: string | undefined, timeMs: number, nowMs: number): void {
  const expiresInS = Number(expires)
  if (!Number.isInteger(expiresInS) || expiresInS < 1 || expiresInS > MAX_EXPIRY_S)
    throw new Refusal('InvalidArgument', 'The time of validity is out of range')
  if (nowMs >= timeMs + expiresInS * 1_000) throw new Refusal('AccessDenied', 'Request has expired')
}

function v4TimeMs(time: string): number {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(time)
  if (parts === null) throw new Refusal('AccessDenied', 'The request has no valid time')
  const [, year, month, day, hour, minute, second] = parts
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
}

function dayOf({ time }: Pick<Claim, 'time'>, { region }: Account) {
  return { day: time.slice(0, 8), region }
}
