import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** A photograph with a place in its Exif data (Pillow, 64 × 48). */
export const JPEG = sample('with-gps.jpg')
export const PNG = sample('plain.png')

function sample(name: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(`./samples/${name}`, import.meta.url)))
}

/** The smallest document that readers open. */
export const PDF = new Uint8Array(
  Buffer.from(`%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj
xref
0 4
0000000000 65535 f
0000000009 00000 n
0000000053 00000 n
0000000101 00000 n
trailer<</Size 4/Root 1 0 R>>
startxref
164
%%EOF
`),
)

/** Bytes that begin like an MP4 film. */
export function mp4(sizeBytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(randomBytes(sizeBytes))
  bytes.set([0, 0, 0, 24, ...Buffer.from('ftypisom'), 0, 0, 2, 0, ...Buffer.from('isomiso2'), 0, 0, 0, 8])
  bytes.set(Buffer.from('free'), 28)
  return bytes
}
