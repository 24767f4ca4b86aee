/**
 * Joins reads of single keys into few statements: a read on an idle store goes out at once; those that come while one
 * is under way go together in the next. A caller is only ever answered by a statement sent after it asked.
 */
export function batchReads<T>(
  read: (keys: readonly string[]) => Promise<ReadonlyMap<string, T>>,
): (keys: readonly string[]) => Promise<ReadonlyMap<string, T>> {
  let last: Promise<unknown> = Promise.resolve()
  let next: { readonly keys: Set<string>; readonly result: Promise<ReadonlyMap<string, T>> } | undefined

  function open() {
    const keys = new Set<string>()
    const send = () => {
      next = undefined
      return read([...keys])
    }
    const result = last.then(send, send)
    last = result
    return { keys, result }
  }

  return (wanted) => {
    next ??= open()
    for (const key of wanted) next.keys.add(key)
    return next.result
  }
}
