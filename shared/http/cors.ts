const HEADERS = {
  'access-control-allow-methods': 'GET, POST, PUT, DELETE, HEAD',
  'access-control-allow-headers':
    'authorization, content-type, idempotency-key, x-signature, x-device-id, accept-language',
  'access-control-expose-headers': 'x-request-id, retry-after, ratelimit, ratelimit-policy, etag',
  'access-control-max-age': '600',
}

/**
 * Cross-origin headers for the listed origins (`https://admin.example.com`); mini-programs need none. Where origins are
 * listed, every answer says that it differs by origin, so that a shared cache does not give one caller's to another.
 */
export function corsHeaders(
  origins: readonly string[],
  origin: string | null,
): Readonly<Record<string, string>> {
  if (origins.length === 0) return {}
  if (origin === null || !origins.includes(origin)) return { vary: 'origin' }
  return { ...HEADERS, 'access-control-allow-origin': origin, vary: 'origin' }
}
