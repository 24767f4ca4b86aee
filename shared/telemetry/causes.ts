/** Enough for any chain of ours; one that leads back to itself must end, too. */
const MAX_CAUSES = 8

/** `Name: message` of an error and of what caused it, outermost first; for logs of what has no use for stacks. */
export function causesOf(error: unknown, room = MAX_CAUSES): readonly string[] {
  if (error === undefined || room === 0) return []
  if (!(error instanceof Error)) return ['not an error']
  return [`${error.name}: ${messageOf(error)}`, ...causesOf(error.cause, room - 1)]
}

/** An attempt at several addresses of a name fails with an empty message; its code tells what happened. */
function messageOf(error: Error): string {
  if (error.message !== '') return error.message
  return 'code' in error ? String(error.code) : 'no message'
}
