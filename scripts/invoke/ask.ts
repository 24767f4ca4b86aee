export interface Answered {
  readonly status: number
  readonly statusText: string
  readonly headers: Headers
  readonly body: string
  readonly tookMs: number
}

const TIMEOUT_MS = 60_000

/** Sends a request and reads the whole answer. @throws Error in plain words when there is none */
export async function ask(request: Request): Promise<Answered> {
  const startedAt = performance.now()
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const response = await fetch(request, { redirect: 'manual', signal })
    const { status, statusText, headers } = response
    return { status, statusText, headers, body: await response.text(), tookMs: performance.now() - startedAt }
  } catch (cause) {
    throw new Error(reason(new URL(request.url).origin, cause), { cause })
  }
}

function reason(origin: string, error: unknown): string {
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return `${origin} did not answer within ${TIMEOUT_MS / 1_000} s`
  return `Cannot reach ${origin}. Start the local cloud in another terminal: npm start`
}
