import { randomBytes } from 'node:crypto'

export const BOUNDARY = '----WxBoundary7MA4'

export interface RawPart {
  readonly name?: string
  readonly fileName?: string
  readonly contentType?: string
}

/** A form with one file, as bytes. */
export function rawForm(
  content: Uint8Array,
  { name = 'file', fileName = 'photo.jpg', contentType = 'image/jpeg' }: RawPart = {},
): Buffer {
  const disposition = `Content-Disposition: form-data; name="${name}"; filename="${fileName}"`
  const head = `--${BOUNDARY}\r\n${disposition}\r\nContent-Type: ${contentType}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), content, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)])
}

export interface RawHead {
  readonly token: string
  readonly purpose?: string
  /** In chunks where undefined. */
  readonly contentLength?: number | undefined
  readonly more?: string
}

/** The head of POST /upload. */
export function rawHead({ token, purpose = 'image', contentLength, more = '' }: RawHead): string {
  const length =
    contentLength === undefined ? 'Transfer-Encoding: chunked' : `Content-Length: ${contentLength}`
  return [
    `POST /api/v1/upload?purpose=${purpose} HTTP/1.1`,
    'Host: 127.0.0.1',
    `Authorization: Bearer ${token}`,
    `Content-Type: multipart/form-data; boundary=${BOUNDARY}`,
    length,
    `${more}\r\n`,
  ].join('\r\n')
}

/** What passes for a film: the box that says so, and noise. */
export function film(sizeBytes: number): Uint8Array<ArrayBuffer> {
  const head = Buffer.from('\0\0\0\x18ftypisom\0\0\x02\0isomiso2\0\0\0\0mdat', 'latin1')
  head.writeUInt32BE(sizeBytes - 24, 24)
  return new Uint8Array(Buffer.concat([head, randomBytes(sizeBytes - head.length)]))
}
