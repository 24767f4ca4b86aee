import type { MediaType } from './media-types.ts'
import { parsedStream } from './parsed-stream.ts'
import type { PassingBytes, Step } from './passing-bytes.ts'
import { plainJpeg } from './plain-jpeg.ts'
import { plainPng } from './plain-png.ts'
import { plainWebp } from './plain-webp.ts'

const PARSERS: Partial<Record<MediaType, (bytes: PassingBytes) => Step<void>>> = {
  'image/jpeg': plainJpeg,
  'image/png': plainPng,
  'image/webp': plainWebp,
}

/**
 * What takes location, camera, previews and all other metadata out of an image while it streams by, and whatever follows the
 * image's end; colours and how to turn it stay. Undefined for types that carry none we can take out. The stream fails with
 * Fault unsupported_media_type where the image is malformed, not whole or has too many pixels.
 */
export function withoutMetadata(type: MediaType): TransformStream<Uint8Array, Uint8Array> | undefined {
  const parse = PARSERS[type]
  return parse === undefined ? undefined : parsedStream(parse)
}
