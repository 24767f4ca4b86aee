/**
 * Opens something on first use and shares it: an opening in flight is joined, a failed one is forgotten so that the
 * next call tries again. `peek` tells whether it was ever opened, for closing without opening.
 */
export function once<T>(open: () => Promise<T>): { (): Promise<T>; peek(): Promise<T> | undefined } {
  let opening: Promise<T> | undefined

  function get(): Promise<T> {
    opening ??= open().catch((error: unknown) => {
      opening = undefined
      throw error
    })
    return opening
  }

  return Object.assign(get, { peek: () => opening })
}
