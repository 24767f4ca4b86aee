import type { Failure } from './cloud.ts'

/** A call that the cloud answers itself, in its own words. */
export class CloudFailure extends Error {
  override readonly name = 'CloudFailure'
  readonly failure: Failure
  /** The port of the instance concerned, 0 when there is none. */
  readonly port: number

  constructor(failure: Failure, port = 0) {
    super(failure)
    this.failure = failure
    this.port = port
  }
}
