import { errorCode, errorMessage, errorStatus, type Fault, type Language } from '#shared/errors.ts'
import type { Reply } from './route.ts'

const HEADERS = {
  'content-type': 'application/json; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
}

export function success({ status = 200, data = {}, headers, beside }: Reply, requestId: string): Response {
  if (status === 204)
    return new Response(null, { status, headers: { ...headers, 'x-request-id': requestId } })
  return json(status, { code: 0, ...beside, data, requestId }, requestId, headers)
}

export function failure(fault: Fault, requestId: string, language: Language): Response {
  const { error, details, retryAfterS, headers } = fault
  const body = { code: errorCode(error), error, message: errorMessage(error, language), details, requestId }
  const status = errorStatus(error)
  return json(status, body, requestId, {
    ...(retryAfterS === undefined ? {} : { 'retry-after': String(retryAfterS) }),
    ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    ...headers,
  })
}

function json(
  status: number,
  body: object,
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const text = JSON.stringify(body)
  return new Response(text, {
    status,
    // Without its length Node would send an answer in chunks: two of them, in a second system call.
    headers: {
      ...HEADERS,
      'content-length': String(Buffer.byteLength(text)),
      'x-request-id': requestId,
      ...headers,
    },
  })
}
