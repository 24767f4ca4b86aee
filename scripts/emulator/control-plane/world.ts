import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LocalImage } from './images.ts'

/** What an API takes and gives: fields by the cloud's own names. */
export type Fields = Readonly<Record<string, unknown>>

/** A function's configuration, and its code by the reference of an image. What is published stays as it is. */
export interface Revision {
  readonly version: string
  readonly fields: Fields
  readonly description: string
  readonly changedAtMs: number
  /** What its image was when it was deployed. */
  readonly image?: LocalImage
}

export interface Alias {
  readonly name: string
  readonly version: string
  /** Shares, from 0 to 1, of other versions; the rest is the alias' own version's. */
  readonly weights: Readonly<Record<string, number>>
  readonly description: string
  readonly createdAtMs: number
  readonly changedAtMs: number
}

export interface Trigger {
  readonly name: string
  readonly type: string
  /** Empty for the latest revision. */
  readonly qualifier: string
  /** In the cloud's own form. */
  readonly config: string
  readonly fields: Fields
  readonly isEnabled: boolean
  /** Where an http trigger listens. */
  readonly port: number
  readonly createdAtMs: number
  readonly changedAtMs: number
}

export interface Deployed {
  readonly name: string
  readonly createdAtMs: number
  /** Whether the last change is being carried out, is done or has failed. */
  state: 'changing' | 'active' | 'failed'
  /** Whether that change is the first. */
  isNew: boolean
  reason: string
  latest: Revision
  versions: readonly Revision[]
  nextVersion: number
  aliases: readonly Alias[]
  triggers: readonly Trigger[]
  reservedConcurrency: number | undefined
}

export interface Domain {
  readonly name: string
  readonly fields: Fields
  readonly createdAtMs: number
  readonly changedAtMs: number
}

/** Everything that was deployed. */
export interface World {
  functions: Deployed[]
  domains: readonly Domain[]
}

/** Reads what `folder` keeps, and writes it there again; without a folder nothing outlives the process. */
export function createWorld(folder: string | undefined): { readonly world: World; save(): void } {
  if (folder === undefined) return { world: { functions: [], domains: [] }, save: () => {} }
  const file = join(folder, 'control-plane.json')
  // We wrote it, and nobody else does.
  const world: World = existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as World)
    : { functions: [], domains: [] }

  /** Whoever is killed in the middle leaves the old state or the new one, never half of it. */
  function save(): void {
    mkdirSync(folder ?? '', { recursive: true })
    writeFileSync(`${file}.new`, JSON.stringify(world), { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }

  return { world, save }
}
