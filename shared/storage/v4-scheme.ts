import type { FormTerms } from './object-store.ts'
import { encodedPolicy, FORM_STATUS, policyOf } from './form-policy.ts'
import { encodeQuery } from './percent-encode.ts'
import type { Scheme, Signing, Texts, Unsigned } from './scheme.ts'
import { credentialScope, type V4Chain, v4Signatures, v4StringToSign, v4Time } from './v4-signature.ts'

/** How S3's and OSS's versions of the same signature differ. */
export interface V4Dialect extends V4Chain {
  readonly headerPrefix: string
  /** Parameter names of presigned URLs. */
  readonly queryNames: V4Names
  /** Field names of POST forms, and names of the policy's conditions. */
  readonly formNames: Omit<V4Names, 'expires' | 'signedHeaders'>
  readonly pair: (name: string, value: string) => string
  readonly canonicalPath: (request: Unsigned) => string
  /** Headers that are covered, host included where it is, and how the canonical request names them. */
  readonly coveredHeaders: (request: Unsigned) => Texts
  readonly namedHeaders: (names: readonly string[]) => string
  readonly authorization: (credential: string, signedHeaders: string, signature: string) => string
  readonly contentTypeCondition: string
  readonly contentTypeField: string
}

export interface V4Names {
  readonly algorithm: string
  readonly credential: string
  readonly date: string
  readonly expires: string
  readonly signedHeaders: string
  readonly token: string
  readonly signature: string
}

/** The bodies are not hashed: TLS protects them, and presigned URLs could not know them. */
export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD'

/** The signing half of a scheme, for one dialect of version 4. */
export function v4Signer(
  dialect: V4Dialect,
): Pick<Scheme, 'signedHeaders' | 'presignedQuery' | 'formFields'> {
  const signatureOf = v4Signatures(dialect)

  function sign(request: Unsigned, signing: Signing, time: string) {
    const covered = dialect.coveredHeaders(request)
    const names = Object.keys(covered).sort()
    const canonical = [
      request.method,
      dialect.canonicalPath(request),
      encodeQuery(request.query, dialect.pair),
      names.map((name) => `${name}:${covered[name]?.trim()}\n`).join(''),
      dialect.namedHeaders(names),
      UNSIGNED_PAYLOAD,
    ].join('\n')
    return hmac(signing, time, v4StringToSign(dialect, time, dayOf(signing, time), canonical))
  }

  function hmac({ credentials, region }: Signing, time: string, text: string): string {
    return signatureOf(credentials.secretKey.reveal(), { day: time.slice(0, 8), region }, text)
  }

  function credential(signing: Signing, time: string): string {
    return `${signing.credentials.accessKeyId}/${credentialScope(dialect, dayOf(signing, time))}`
  }

  function signedHeaders(request: Unsigned, signing: Signing): Texts {
    const time = v4Time(signing.nowMs)
    const token = signing.credentials.sessionToken?.reveal()
    const { headerPrefix: prefix } = dialect
    const headers: Texts = {
      ...request.headers,
      [`${prefix}date`]: time,
      [`${prefix}content-sha256`]: UNSIGNED_PAYLOAD,
      ...(token === undefined ? {} : { [`${prefix}security-token`]: token }),
    }
    const names = Object.keys(dialect.coveredHeaders({ ...request, headers })).sort()
    const signature = sign({ ...request, headers }, signing, time)
    const authorization = dialect.authorization(credential(signing, time), names.join(';'), signature)
    return { ...headers, authorization }
  }

  function presignedQuery(request: Unsigned, signing: Signing, expiresInS: number): Texts {
    const time = v4Time(signing.nowMs)
    const { queryNames: names } = dialect
    const token = signing.credentials.sessionToken?.reveal()
    const named = dialect.namedHeaders(Object.keys(dialect.coveredHeaders(request)).sort())
    const query: Texts = {
      ...request.query,
      [names.algorithm]: dialect.algorithm,
      [names.credential]: credential(signing, time),
      [names.date]: time,
      [names.expires]: String(expiresInS),
      ...(named === '' ? {} : { [names.signedHeaders]: named }),
      ...(token === undefined ? {} : { [names.token]: token }),
    }
    return { ...query, [names.signature]: sign({ ...request, query }, signing, time) }
  }

  function formFields(terms: FormTerms & { readonly bucket: string }, signing: Signing): Texts {
    const time = v4Time(signing.nowMs)
    const { formNames: names } = dialect
    const token = signing.credentials.sessionToken?.reveal()
    const pinned: Texts = {
      [names.algorithm]: dialect.algorithm,
      [names.credential]: credential(signing, time),
      [names.date]: time,
      ...(token === undefined ? {} : { [names.token]: token }),
    }
    const contentType = [dialect.contentTypeCondition, terms.contentType] as const
    const policy = encodedPolicy(policyOf(terms, signing.nowMs, { contentType, pinned }))
    return {
      key: terms.key,
      [dialect.contentTypeField]: terms.contentType,
      success_action_status: FORM_STATUS,
      ...pinned,
      policy,
      [names.signature]: hmac(signing, time, policy),
    }
  }

  return { signedHeaders, presignedQuery, formFields }
}

function dayOf({ region }: Signing, time: string) {
  return { day: time.slice(0, 8), region }
}
