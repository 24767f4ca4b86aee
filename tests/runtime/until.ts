/** Resolves as soon as `condition` holds. @throws Error when it does not within `withinMs` */
export async function until(condition: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  const late = Date.now() + withinMs
  while (!(await condition())) {
    if (Date.now() > late)
      throw new Error(`This did not come true within ${withinMs} ms: ${String(condition)}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
