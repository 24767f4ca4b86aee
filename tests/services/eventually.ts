const POLL_MS = 10

/** Tries until `check` resolves to something other than undefined or false, and answers with that. */
export async function eventually<T>(
  check: () => Promise<T | undefined | false>,
  { withinMs }: { readonly withinMs: number },
): Promise<T> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const result = await check().catch(() => undefined)
    if (result !== undefined && result !== false) return result
    if (performance.now() > deadline) throw new Error(`It did not happen within ${withinMs} ms`)
    await new Promise((done) => setTimeout(done, POLL_MS))
  }
}
