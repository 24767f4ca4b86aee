/** The answer to a request that broke below the app's own catch-all. */
export function crashed(): Response {
  const requestId = crypto.randomUUID()
  const body = { code: 50000, error: 'internal', message: 'Internal error', details: [], requestId }
  return Response.json(body, { status: 500, headers: { 'x-request-id': requestId } })
}

/** The same for what an adaptor meets, who has no log of its own. */
export function crashedInAdaptor(error: unknown): Response {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  return crashed()
}
