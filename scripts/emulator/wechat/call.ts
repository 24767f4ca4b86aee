import type { World } from './world.ts'

/** One call, its query and JSON body read. */
export interface Call {
  readonly query: URLSearchParams
  readonly body: Readonly<Record<string, unknown>>
  readonly world: World
}
