interface MediaTypeRow {
  /** Name endings without the dot; the first is the one that stored files get. No two types share one. */
  readonly extensions: readonly [string, ...string[]]
  /** What clients also call it. */
  readonly aliases: readonly string[]
}

const TYPES = {
  'image/jpeg': { extensions: ['jpg', 'jpeg', 'jpe', 'jfif'], aliases: ['image/jpg', 'image/pjpeg'] },
  'image/png': { extensions: ['png'], aliases: ['image/x-png'] },
  'image/gif': { extensions: ['gif'], aliases: [] },
  'image/webp': { extensions: ['webp'], aliases: [] },
  'video/mp4': { extensions: ['mp4', 'm4v'], aliases: ['video/x-m4v'] },
  'video/quicktime': { extensions: ['mov', 'qt'], aliases: [] },
  'audio/mpeg': { extensions: ['mp3'], aliases: ['audio/mp3', 'audio/x-mp3', 'audio/x-mpeg'] },
  // Android before 10 calls .m4a audio/mpeg.
  'audio/mp4': { extensions: ['m4a'], aliases: ['audio/x-m4a', 'audio/m4a', 'audio/mpeg'] },
  'audio/aac': { extensions: ['aac'], aliases: ['audio/x-aac', 'audio/aacp', 'audio/x-hx-aac-adts'] },
  'audio/wav': { extensions: ['wav'], aliases: ['audio/x-wav', 'audio/wave', 'audio/vnd.wave'] },
  'audio/amr': { extensions: ['amr'], aliases: ['audio/x-amr', 'audio/amr-wb'] },
  'audio/silk': { extensions: ['silk', 'slk'], aliases: ['audio/x-silk'] },
  'application/pdf': { extensions: ['pdf'], aliases: ['application/x-pdf'] },
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': {
    extensions: ['docx'],
    aliases: [],
  },
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': { extensions: ['xlsx'], aliases: [] },
  'application/vnd.openxmlformats-officedocument.presentationml.presentation': {
    extensions: ['pptx'],
    aliases: [],
  },
} as const satisfies Record<string, MediaTypeRow>

/** Every type that can be accepted. Whatever has no row above is refused, SVG, HTML and scripts among it. */
export type MediaType = keyof typeof TYPES

const ROWS: Readonly<Record<MediaType, MediaTypeRow>> = TYPES

export const MEDIA_TYPE_NAMES = Object.keys(TYPES) as readonly MediaType[] // keys of the literal above

/** The name ending that stored files of this type get, without the dot. */
export function canonicalExtension(type: MediaType): string {
  return ROWS[type].extensions[0]
}

/** The type that files with this ending have; `extension` in lower case, without the dot. */
export function typeOfExtension(extension: string): MediaType | undefined {
  return MEDIA_TYPE_NAMES.find((type) => ROWS[type].extensions.includes(extension))
}

/** Whether a client may call this type so; `declared` in lower case, without parameters. */
export function isCalled(type: MediaType, declared: string): boolean {
  return type === declared || ROWS[type].aliases.includes(declared)
}

export function isOffice(type: MediaType): boolean {
  return type.startsWith('application/vnd.openxmlformats-officedocument.')
}
