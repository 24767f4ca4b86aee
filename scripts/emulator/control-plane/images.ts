import type { Bundle } from '#scripts/emulator/bundle.ts'

/** What runs in place of an image. */
export interface LocalImage {
  readonly bundle: Bundle
  /** The executable that runs it. */
  readonly runtime: string
}

/** Finds what stands for an image; undefined, or why it cannot be used, where there is nothing to run. */
export type ResolveImage = (
  reference: string,
) => Promise<LocalImage | string | undefined> | LocalImage | string | undefined
