import type { MediaType } from '#shared/media/media-types.ts'

export interface PurposeRules {
  readonly types: readonly MediaType[]
  readonly maxBytes: number
  /** What WeChat's content safety takes it for; it looks at nothing else, and at nothing above 10 MB. */
  readonly check?: { readonly kind: 'image' | 'audio'; readonly scene: 'profile' | 'social' }
}

const MB = 1024 * 1024

const IMAGES = ['image/jpeg', 'image/png', 'image/gif', 'image/webp'] as const

/** What files are for, and what each may be. The store copies objects of up to 1 GB in one call. */
export const PURPOSES = {
  avatar: { types: IMAGES, maxBytes: 5 * MB, check: { kind: 'image', scene: 'profile' } },
  image: { types: IMAGES, maxBytes: 10 * MB, check: { kind: 'image', scene: 'social' } },
  video: { types: ['video/mp4', 'video/quicktime'], maxBytes: 1024 * MB },
  audio: {
    types: ['audio/mpeg', 'audio/mp4', 'audio/aac', 'audio/wav', 'audio/amr', 'audio/silk'],
    maxBytes: 10 * MB,
    check: { kind: 'audio', scene: 'social' },
  },
  document: {
    types: [
      'application/pdf',
      'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
      'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
      'application/vnd.openxmlformats-officedocument.presentationml.presentation',
    ],
    maxBytes: 100 * MB,
  },
} as const satisfies Record<string, PurposeRules>

export type Purpose = keyof typeof PURPOSES

export const PURPOSE_NAMES = Object.keys(PURPOSES) as readonly Purpose[] // keys of the literal above

export function purposeRules(purpose: string): PurposeRules {
  const rules: PurposeRules | undefined = Object.hasOwn(PURPOSES, purpose)
    ? PURPOSES[purpose as Purpose] // an own key of the literal
    : undefined
  if (rules === undefined) throw new TypeError(`There is no purpose ${purpose}`)
  return rules
}
