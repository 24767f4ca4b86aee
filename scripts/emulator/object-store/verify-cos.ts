import { createHash, createHmac } from 'node:crypto'
import { percentEncode } from '#shared/storage/percent-encode.ts'
import type { Account } from './account.ts'
import { equalTexts } from './equal-texts.ts'
import { type Incoming, splitOnce } from './incoming.ts'
import { Refusal } from './refusal.ts'

const TERMS = [
  'q-sign-algorithm',
  'q-ak',
  'q-sign-time',
  'q-key-time',
  'q-header-list',
  'q-url-param-list',
  'q-signature',
]
const TOKEN = 'x-cos-security-token'

/** Lets a request pass that is signed under the account in COS's way, covers host and query, and is still valid. */
export function verifyCos(request: Incoming, account: Account, nowMs: number): void {
  const terms = request.query.has('q-signature')
    ? request.query
    : headerTerms(request.headers['authorization'] ?? '')
  const term = (name: string) => terms.get(name) ?? ''
  requireCosIdentity({ algorithm: term('q-sign-algorithm'), accessKeyId: term('q-ak') }, account)
  requireCosTime(term('q-sign-time'), nowMs)
  requireCosTime(term('q-key-time'), nowMs)
  const token = request.query.get(TOKEN) ?? request.headers[TOKEN]
  if (token !== account.sessionToken) throw new Refusal('AccessDenied', 'The security token is wrong')
  const text = ['sha1', term('q-sign-time'), sha1(canonical(request, term)), ''].join('\n')
  requireCosSignature(term('q-signature'), { keyTime: term('q-key-time'), text }, account)
}

export function requireCosIdentity(
  claim: { readonly algorithm: string; readonly accessKeyId: string },
  account: Account,
): void {
  if (claim.algorithm !== 'sha1') throw new Refusal('InvalidArgument', 'q-sign-algorithm must be sha1')
  if (claim.accessKeyId !== account.accessKeyId) throw new Refusal('InvalidAccessKeyId')
}

/** Checks a `start;end` in seconds. */
export function requireCosTime(time: string, nowMs: number): void {
  const range = /^(\d{1,12});(\d{1,12})$/.exec(time)
  if (range === null) throw new Refusal('InvalidArgument', 'A time is not start;end')
  const nowS = nowMs / 1_000
  if (nowS < Number(range[1])) throw new Refusal('AccessDenied', 'Request is not yet valid')
  if (nowS >= Number(range[2])) throw new Refusal('AccessDenied', 'Request has expired')
}

export function requireCosSignature(
  signature: string,
  signed: { readonly keyTime: string; readonly text: string },
  account: Account,
): void {
  const expected = hmac(hmac(account.secretKey, signed.keyTime), signed.text)
  if (!equalTexts(expected, signature)) throw new Refusal('SignatureDoesNotMatch')
}

export function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex')
}

function headerTerms(authorization: string): ReadonlyMap<string, string | undefined> {
  return new Map(authorization.split('&').map((term) => splitOnce(term, '=')))
}

function canonical({ method, path, query, headers }: Incoming, term: (name: string) => string): string {
  const values = new Map([...query].map(([name, value]) => [name.toLowerCase(), value ?? '']))
  const listed = names(term('q-url-param-list'))
  const unlisted = [...values.keys()].find(
    (name) => !TERMS.includes(name) && name !== TOKEN && !listed.includes(name),
  )
  if (unlisted !== undefined) throw new Refusal('AccessDenied', `A parameter is not signed: ${unlisted}`)
  const headerNames = names(term('q-header-list'))
  if (!headerNames.includes('host')) throw new Refusal('AccessDenied', 'The host is not signed')
  const pairs = (list: readonly string[], valueOf: (name: string) => string) =>
    list.map((name) => `${percentEncode(name)}=${percentEncode(valueOf(name))}`).join('&')
  return [
    method.toLowerCase(),
    decodeURIComponent(path),
    pairs(listed, (name) => values.get(name) ?? ''),
    pairs(headerNames, (name) => headers[name] ?? ''),
    '',
  ].join('\n')
}

function names(list: string): readonly string[] {
  return decodeURIComponent(list)
    .split(';')
    .filter((name) => name !== '')
}

function hmac(key: string, text: string): string {
  return createHmac('sha1', key).update(text).digest('hex')
}
