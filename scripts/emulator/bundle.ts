/** One build of a function. Each has a file of its own, so that an instance never sees another build's code. */
export interface Bundle {
  readonly name: string
  readonly version: string
  readonly file: string
  /** Of the bundle that a deployment would carry. */
  readonly bytes: number
  /** Files of packages that it imports. */
  readonly modules: readonly string[]
}
