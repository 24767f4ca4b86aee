import { Fault } from '#shared/errors.ts'

/** Why the store gave no usable answer. Names only: URLs carry signatures. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  /** The store's error code, such as `SignatureDoesNotMatch`, or the runtime's. */
  readonly code: string
  readonly status: number | undefined

  constructor(call: string, code: string, status?: number) {
    super(`Cannot ${call}: ${status === undefined ? '' : `HTTP ${status} `}${code}`)
    this.code = code
    this.status = status
  }
}

/** What a refusal by the store means for the client that asked us. */
export function refusalFault(error: StoreError): Fault {
  const status = error.status ?? 0
  if (status === 412) return new Fault('conflict', { cause: error })
  if (status === 416) return new Fault('range_not_satisfiable', { cause: error })
  // A missing bucket is a mistake of ours, not an absent object.
  if (status === 404 && error.code !== 'NoSuchBucket') return new Fault('not_found', { cause: error })
  if (UNFIT_PARTS.has(error.code)) {
    const details = [{ path: 'parts', message: error.code }]
    return new Fault('validation_failed', { details, cause: error })
  }
  const isOverloaded = status >= 500 || status === 429
  return new Fault(isOverloaded ? 'unavailable' : 'upstream_failed', { cause: error })
}

/** For an answer that lacks what every store sends. */
export function strangeAnswer(what: string): Fault {
  return new Fault('upstream_failed', { cause: new StoreError('read the answer of the store', `no ${what}`) })
}

/** Parts that a client named: missing, out of order, or with another ETag. */
const UNFIT_PARTS: ReadonlySet<string> = new Set(['InvalidPart', 'InvalidPartOrder', 'EntityTooSmall'])

/** The runtime's code for a failed connection. Looks at shapes: its errors may come from another realm than ours. */
export function connectionCode(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'unknown'
  if ('code' in error && typeof error.code === 'string') return error.code
  if ('errors' in error && Array.isArray(error.errors) && error.errors.length > 0)
    return connectionCode(error.errors[0])
  if ('cause' in error && error.cause !== undefined) return connectionCode(error.cause)
  return 'name' in error && typeof error.name === 'string' ? error.name : 'unknown'
}
