import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MediaType } from '#shared/media/media-types.ts'

const folder = join(import.meta.dirname, 'samples')

export const DOCX = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'
export const XLSX = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'
export const PPTX = 'application/vnd.openxmlformats-officedocument.presentationml.presentation'

const TYPES: Readonly<Record<string, MediaType>> = {
  jpg: 'image/jpeg',
  png: 'image/png',
  gif: 'image/gif',
  webp: 'image/webp',
  mp4: 'video/mp4',
  mov: 'video/quicktime',
  mp3: 'audio/mpeg',
  m4a: 'audio/mp4',
  aac: 'audio/aac',
  wav: 'audio/wav',
  pdf: 'application/pdf',
  docx: DOCX,
  xlsx: XLSX,
}

/** A real file; how it was made is told beside it. */
export function sample(name: string): Buffer {
  return readFileSync(join(folder, name))
}

/** All that can be accepted, with their types. */
export const ACCEPTED: readonly (readonly [name: string, type: MediaType])[] = readdirSync(folder).flatMap(
  (name) => {
    const type = TYPES[name.replace(/.*\./, '')]
    return type === undefined ? [] : [[name, type] as const]
  },
)

export const PICTURES = ACCEPTED.filter(([, type]) => /jpeg|png|webp/.test(type))

export function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}
