const HEADERS = {
  'access-control-allow-methods': 'GET, POST, PUT, DELETE, HEAD',
  'access-control-allow-headers':
    'authorization, content-type, idempotency-key, x-signature, accept-language',
  'access-control-expose-headers': 'x-request-id, retry-after, ratelimit, ratelimit-policy, etag',
  'access-control-max-age': '600',
}

/** Cross-origin headers for the listed origins (`https://admin.example.com`); mini-programs need none. */
export function createCors(origins: readonly string[]) {
  function headersFor(request: Request): Readonly<Record<string, string>> {
    const origin = request.headers.get('origin')
    if (origin === null || !origins.includes(origin)) return {}
    return { ...HEADERS, 'access-control-allow-origin': origin, vary: 'origin' }
  }

  return {
    /** The answer to OPTIONS, which needs no route. */
    preflight: (request: Request): Response =>
      new Response(null, { status: 204, headers: headersFor(request) }),
    apply(request: Request, response: Response): Response {
      for (const [name, value] of Object.entries(headersFor(request))) response.headers.set(name, value)
      return response
    },
  }
}
