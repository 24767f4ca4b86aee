import type { Secret } from '#shared/secret.ts'
import type { FormTerms, ListPage } from './object-store.ts'

export interface Credentials {
  readonly accessKeyId: string
  readonly secretKey: Secret
  /** Of temporary credentials. */
  readonly sessionToken?: Secret | undefined
}

export interface Signing {
  readonly credentials: Credentials
  readonly region: string
  readonly nowMs: number
}

export type Texts = Readonly<Record<string, string>>

/** A request about to be signed. */
export interface Unsigned {
  readonly method: string
  readonly host: string
  readonly bucket: string
  /** Undefined for the bucket itself. */
  readonly key?: string | undefined
  /** As it stands in the URL: encoded, with the bucket in front where that is path-style. */
  readonly path: string
  readonly query: Texts
  /** Names in lower case. */
  readonly headers: Texts
}

export interface CopySource {
  readonly bucket: string
  readonly region: string
  readonly key: string
}

/** What one vendor's protocol does its own way; all else is the same for the three. */
export interface Scheme {
  /** Where a bucket is unless configured: for clients, and for functions in the same region. */
  readonly origins: (bucket: string, region: string) => { readonly public: string; readonly internal: string }
  /** The request's headers with the authorisation among them. */
  signedHeaders(request: Unsigned, signing: Signing): Texts
  /** The request's query with the authorisation in it. Its headers, if any, must be sent as they are. */
  presignedQuery(request: Unsigned, signing: Signing, expiresInS: number): Texts
  /** The fields of a POST form whose policy admits nothing but these terms. */
  formFields(terms: FormTerms & { readonly bucket: string }, signing: Signing): Texts
  /** What makes a PUT copy this object of the same bucket, if it has this ETag. */
  copyHeaders(source: CopySource, etag: string): Texts
  /** Sent with a range, for the answer that RFC 9110 wants. */
  readonly rangeHeaders: Texts
  /** The query that lists a page of objects. */
  listQuery(page: ListPage): Texts
}
