import { Fault } from '#shared/errors.ts'

/** Undefined where the store answered that there is no such thing. */
export async function absentable<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (error instanceof Fault && error.error === 'not_found') return undefined
    throw error
  }
}
