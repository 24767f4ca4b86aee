import type { ParseArgsOptionDescriptor } from 'node:util'
import type { Addresses } from '#scripts/dev/addresses.ts'

/** What an option of a thing is called, takes and does; a line of `--help`. */
export interface FireOption extends ParseArgsOptionDescriptor {
  readonly about: string
}

/** What was given on the command line, by option. */
export type Given = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>

/** Something that happens in the outside world, and of which the backend is told. */
export interface Thing {
  readonly about: string
  readonly options: Readonly<Record<string, FireOption>>
  /** Gets it ready: what happens, one after the other. @throws TypeError that says what is wrong with the options */
  prepare(given: Given, cloud: Addresses): Promise<readonly Firing[]>
}

export interface Firing {
  /** What happens, in a few words. */
  readonly about: string
  /** Has it happen; the same each time. */
  fire(): Promise<Fired>
}

/** What the backend answered to being told. */
export interface Fired {
  /** HTTP; 0 where there was no answer. */
  readonly status: number
  readonly said: string
}
