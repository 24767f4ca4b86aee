import { readFileSync } from 'node:fs'

/** A photograph with a place in its Exif data (Pillow, 64 × 48). */
export const JPEG = sample('with-gps.jpg')
export const PNG = sample('plain.png')

function sample(name: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(`./samples/${name}`, import.meta.url)))
}
