import { fields } from './contract.ts'

/** A client's request that reached an event function as JSON. */
export interface HttpEvent {
  readonly request: Request
  /** The client's address, where the event says it. */
  readonly clientIp: string | undefined
}

/**
 * Reads the shapes in which gateways hand a request to an event function, told apart by their fields: a function URL of
 * SCF (`queryString`), its retired API gateway (`requestContext.serviceId`), the API gateway of Alibaba Cloud
 * (`queryParameters`) and the HTTP trigger of FC's built-in runtimes (`version: "v1"`). Anything else is undefined.
 *
 * @see https://cloud.tencent.com/document/product/583/96099
 * @see https://cloud.tencent.com/document/product/583/12513
 * @see https://www.alibabacloud.com/help/en/functioncompute/fc-3-0/user-guide/http-trigger-invoking-function
 */
export function httpEvent(payload: unknown): HttpEvent | undefined {
  const event = fields(payload)
  const context = fields(event['requestContext'])
  const http = fields(context['http'])
  const method = http['method'] ?? event['httpMethod']
  const path = event['rawPath'] ?? event['path']
  if (typeof method !== 'string' || typeof path !== 'string' || !path.startsWith('/')) return undefined
  const headers = headersOf(event['headers'])
  const query = searchOf(event['queryParameters'] ?? event['queryString'])
  const url = `http://${headers.get('host') ?? 'localhost'}${path}${query}`
  if (!URL.canParse(url)) return undefined
  const clientIp = http['sourceIp'] ?? context['sourceIp'] ?? headers.get('x-scf-remote-addr')
  const body = method === 'GET' || method === 'HEAD' ? null : bodyOf(event)
  return {
    request: new Request(url, { method, headers, body }),
    clientIp: typeof clientIp === 'string' ? clientIp : undefined,
  }
}

/**
 * The answer as such gateways take it: text as it is, everything else in base64, a header with several lines as an array.
 *
 * @see https://cloud.tencent.com/document/product/583/12513
 */
export async function integratedAnswer(response: Response): Promise<Response> {
  const headers: Record<string, string | readonly string[]> = Object.fromEntries(response.headers)
  const cookies = response.headers.getSetCookie()
  if (cookies.length > 0) headers['set-cookie'] = cookies
  const bytes = Buffer.from(await response.arrayBuffer())
  const isBase64Encoded = !isText(response.headers)
  const body = bytes.toString(isBase64Encoded ? 'base64' : 'utf8')
  return Response.json({ isBase64Encoded, statusCode: response.status, headers, body })
}

function isText(headers: Headers): boolean {
  const type = headers.get('content-type') ?? 'text/plain'
  return (
    !headers.has('content-encoding') && /^(?:text\/|application\/(?:[\w.]+\+)?(?:json|xml)\b)/i.test(type)
  )
}

function headersOf(given: unknown): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(fields(given))) {
    for (const line of Array.isArray(value) ? value : [value]) {
      try {
        headers.append(name, String(line))
      } catch {
        // No header of HTTP: a gateway would not have let it through either.
      }
    }
  }
  return headers
}

function searchOf(query: unknown): string {
  if (typeof query === 'string') return query === '' ? '' : `?${query.replace(/^\?/, '')}`
  const pairs = Object.entries(fields(query)).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one): [string, string] => [name, String(one)]),
  )
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs).toString()}`
}

/** FC's gateway says `isBase64Encoded` in words. */
function bodyOf({ body, isBase64Encoded }: Readonly<Record<string, unknown>>): Uint8Array<ArrayBuffer> {
  if (typeof body !== 'string') return new Uint8Array()
  return new Uint8Array(Buffer.from(body, String(isBase64Encoded) === 'true' ? 'base64' : 'utf8'))
}
