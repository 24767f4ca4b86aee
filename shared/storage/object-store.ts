/**
 * Where files live: one bucket. Every call fails with the fault `unavailable` when the store is down or slow, and with
 * `upstream_failed` when it refuses us. Keys are 1–850 bytes of UTF-8 without control characters, empty segments, `.` or `..`.
 */
export interface ObjectStore {
  /** Undefined where there is no such object, here and below. */
  head(key: string, signal: AbortSignal): Promise<ObjectInfo | undefined>
  /**
   * The object or a range of it. The body ends with an error, never short, when the store breaks off or stalls.
   *
   * @throws Fault range_not_satisfiable for a range that begins past the end
   */
  get(key: string, options: GetOptions, signal: AbortSignal): Promise<StoredObject | undefined>
  /**
   * Stores a body of any length in bounded memory. A stream that fails, or a signal that ends, leaves nothing behind.
   *
   * @throws Fault payload_too_large for a stream of more than 10,000 parts
   */
  put(key: string, body: Body, options: PutOptions, signal: AbortSignal): Promise<PutObject>
  /**
   * Copies an object inside the store, up to 1 GB, its type included. What a client's form or URL may still replace is
   * copied to a key that no client was told, so that what was looked at is what is served.
   *
   * @throws Fault conflict when the object no longer has the ETag `ifMatch`
   */
  copy(copy: CopyTerms, signal: AbortSignal): Promise<{ readonly etag: string } | undefined>
  /** An absent object is fine. */
  delete(key: string, signal: AbortSignal): Promise<void>
  /** Objects in the order of their keys, after the key `after`; `next` is the `after` of the next page. */
  list(page: ListPage, signal: AbortSignal): Promise<ObjectPage>
  /** A URL with which a client may read this object for `expiresInS`; no I/O. */
  presignGet(key: string, options: PresignGetOptions): string
  /** A form with which a client may POST one file, within these terms only; no I/O. The file goes last, as `file`. */
  uploadForm(terms: FormTerms): UploadForm
  readonly multipart: MultipartUploads
}

/** Uploads in parts of at least `PART_BYTES`, the last one excepted: what clients resume. */
export interface MultipartUploads {
  /** The id of a new upload. */
  create(key: string, options: PutOptions, signal: AbortSignal): Promise<string>
  /** A URL to which a client may PUT this part, of exactly this size, with `Content-Type: PART_CONTENT_TYPE`; no I/O. */
  presignPart(part: PartTerms): string
  /** The parts that arrived, by number. @throws Fault not_found when there is no such upload (any more) */
  parts(upload: Upload, signal: AbortSignal): Promise<readonly UploadedPart[]>
  /**
   * Makes the object out of these parts.
   *
   * @throws Fault not_found when there is no such upload (any more), validation_failed for parts that do not fit
   */
  complete(
    upload: Upload & { readonly parts: readonly Pick<UploadedPart, 'number' | 'etag'>[] },
    signal: AbortSignal,
  ): Promise<{ readonly etag: string }>
  /** An absent upload is fine. */
  abort(upload: Upload, signal: AbortSignal): Promise<void>
  /** Uploads that are neither complete nor aborted. */
  list(
    page: { readonly prefix: string; readonly limit: number },
    signal: AbortSignal,
  ): Promise<readonly StartedUpload[]>
}

export interface ObjectInfo {
  readonly sizeBytes: number
  /** Without quotes. */
  readonly etag: string
  readonly contentType: string
  readonly lastModified: Date
}

export interface StoredObject {
  /** Of the whole object, also where `body` is a range of it. */
  readonly info: ObjectInfo
  readonly body: ReadableStream<Uint8Array>
}

/** Bytes from `first` to `last`, both included; to the end without `last` or with one past it. */
export interface ByteRange {
  readonly first: number
  readonly last?: number
}

export interface GetOptions {
  readonly range?: ByteRange
}

export type Body = ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer>

export interface PutOptions {
  readonly contentType: string
}

export interface PutObject {
  readonly etag: string
  readonly sizeBytes: number
}

export interface CopyTerms {
  readonly from: string
  readonly to: string
  readonly ifMatch: string
}

export interface ListPage {
  readonly prefix: string
  readonly after?: string
  /** 1–1000. */
  readonly limit: number
}

/** Stores list no content types. */
export type ListedObject = Omit<ObjectInfo, 'contentType'> & { readonly key: string }

export interface ObjectPage {
  readonly items: readonly ListedObject[]
  readonly next?: string
}

export interface PresignGetOptions {
  readonly expiresInS: number
  /** What the answer says, instead of what was stored. */
  readonly contentDisposition?: string
  readonly contentType?: string
}

export interface FormTerms {
  readonly key: string
  readonly minBytes: number
  readonly maxBytes: number
  readonly contentType: string
  readonly expiresInS: number
}

export interface UploadForm {
  readonly url: string
  readonly fields: Readonly<Record<string, string>>
}

export interface Upload {
  readonly key: string
  readonly uploadId: string
}

export interface PartTerms extends Upload {
  /** 1–10,000. */
  readonly number: number
  readonly sizeBytes: number
  readonly expiresInS: number
}

export interface UploadedPart {
  readonly number: number
  readonly sizeBytes: number
  readonly etag: string
}

export interface StartedUpload extends Upload {
  readonly startedAt: Date
}

/** The smallest part that S3 takes before the last; COS and OSS take less. */
export const PART_BYTES = 5 * 1024 * 1024
export const MAX_PARTS = 10_000

/** Signed into the URLs of parts: `wx.request` always sends a type, and OSS V4 covers whichever arrives. */
export const PART_CONTENT_TYPE = 'application/octet-stream'
