import type { TestAnswer, TestCall } from '#tests/invocation.ts'

/** What a mini-program does over HTTP. */
export interface Client {
  readonly call: (path: string, call?: Omit<TestCall, 'invocation'>) => Promise<TestAnswer>
  /** Signs `name` in and gives the data of the answer. */
  readonly signIn: (name: string) => Promise<SignedIn>
}

export interface SignedIn {
  readonly accessToken: string
  readonly refreshToken: string
  readonly user: { readonly id: string }
}

const HANGS_MS = 20_000

/** A client of the API at `url`, `http://127.0.0.1:<port>`. */
export function createClient(url: string): Client {
  async function call(path: string, options: Omit<TestCall, 'invocation'> = {}): Promise<TestAnswer> {
    const { body, token, headers, method = body === undefined ? 'GET' : 'POST' } = options
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      signal: AbortSignal.timeout(HANGS_MS),
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? undefined : JSON.parse(text),
    }
  }

  async function signIn(name: string): Promise<SignedIn> {
    const { body } = await call('/login', { body: { code: `dev-${name}` } })
    if (body?.code !== 0) throw new Error(`Cannot sign in ${name}: ${JSON.stringify(body)}`)
    return body.data
  }

  return { call, signIn }
}
