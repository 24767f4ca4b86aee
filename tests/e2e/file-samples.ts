import { createHash, randomBytes } from 'node:crypto'

export const MB = 1024 * 1024

export const PHOTO = { name: '照片.jpg', contentType: 'image/jpeg', purpose: 'image' } as const
export const AVATAR = { ...PHOTO, purpose: 'avatar' } as const
export const FILM = { name: 'film.mp4', contentType: 'video/mp4', purpose: 'video' } as const

/** What passes for a film: the box that says so, and noise, so that no two are alike. */
export function film(sizeBytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(sizeBytes)
  bytes.set(Buffer.from('\0\0\0\x18ftypisom\0\0\x02\0isomiso2\0\0\0\0mdat', 'latin1'))
  new DataView(bytes.buffer).setUint32(24, sizeBytes - 24)
  bytes.set(randomBytes(sizeBytes - 32), 32)
  return bytes
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
