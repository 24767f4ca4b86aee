/** Runs what it is given one after another, so that the last to be asked for is the last to be written. */
export function turns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const next = last.then(work)
    last = next.catch(() => {}) // its caller learns of it
    return next
  }
}
