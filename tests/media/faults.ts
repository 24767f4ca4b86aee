import { Fault } from '#shared/errors.ts'

/** The reason of the refusal; 'accepted' when there is none. Anything else that is thrown comes out. */
export function reasonOf(work: () => unknown): unknown {
  try {
    work()
    return 'accepted'
  } catch (error) {
    return reason(error)
  }
}

export async function reasonOfStream(work: Promise<unknown>): Promise<unknown> {
  try {
    await work
    return 'accepted'
  } catch (error) {
    return reason(error)
  }
}

function reason(error: unknown): unknown {
  if (!(error instanceof Fault) || error.error !== 'unsupported_media_type') throw error
  return error.details[0]?.['reason']
}
