import { Fault } from '#shared/errors.ts'
import { connectionCode, StoreError } from './store-error.ts'

/** What went wrong in the folder, as whoever asked the store meets it; what went wrong elsewhere as it is. */
export function diskFault(purpose: string, error: unknown): unknown {
  if (!isOfSystem(error)) return error
  return new Fault('unavailable', { cause: new StoreError(purpose, connectionCode(error)) })
}

/** Looks at shapes: the runtime's errors may come from another realm than ours. */
function isOfSystem(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && 'syscall' in error
}
