/**
 * Joins reads of single keys into few statements: a read on an idle store goes out at once; those that come while one
 * is under way go together in the next. A caller is only ever answered by a statement sent after it asked. When one
 * fails, those who waited for it fail with it: nobody waits for the store to be down twice.
 */
export function batchReads<T>(
  read: (keys: readonly string[]) => Promise<ReadonlyMap<string, T>>,
): (keys: readonly string[]) => Promise<ReadonlyMap<string, T>> {
  const idle = Promise.resolve()
  let last: Promise<unknown> = idle
  let next: { readonly keys: Set<string>; readonly result: Promise<ReadonlyMap<string, T>> } | undefined

  function open() {
    const keys = new Set<string>()
    const send = () => {
      next = undefined
      return read([...keys])
    }
    const result = last.then(send).finally(() => {
      if (last === result) last = idle
      if (next?.result === result) next = undefined
    })
    last = result
    return { keys, result }
  }

  return (wanted) => {
    next ??= open()
    for (const key of wanted) next.keys.add(key)
    return next.result
  }
}
