import type { App, Invocation } from '#shared/http/app.ts'
import { type Signer, signRequest } from '#shared/signing/sign-request.ts'

/** A call's surroundings for `app.fetch` in tests, with room for what a test changes. */
export function testInvocation(changes: Partial<Invocation> = {}): Invocation {
  return {
    requestId: 'test-request',
    clientIp: '203.0.113.7',
    deadline: Date.now() + 60_000,
    signal: new AbortController().signal,
    platform: 'local',
    waitUntil: () => {},
    ...changes,
  }
}

export interface TestAnswer {
  readonly status: number
  readonly headers: Headers
  /** The parsed envelope; loose on purpose, tests look at what they expect. */
  readonly body: Envelope
}

export interface Envelope {
  readonly code: number
  readonly error?: string
  readonly message?: string
  readonly details?: readonly Readonly<Record<string, unknown>>[]
  readonly requestId: string
  // eslint-disable-next-line typescript/no-explicit-any -- each test knows the shape it asks for and asserts on it
  readonly data: any
}

export interface TestCall {
  readonly method?: string
  readonly token?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON; a string is sent as it is. */
  readonly body?: unknown
  /** Whose key signs the call; nobody's unless given. */
  readonly signer?: Signer
  readonly invocation?: Partial<Invocation>
}

/** Calls an app as a client would and reads its envelope. */
export async function callApp(app: App, path: string, call: TestCall = {}): Promise<TestAnswer> {
  const plain = testRequest(`http://127.0.0.1${path}`, call)
  const request = call.signer === undefined ? plain : await signRequest(plain, call.signer)
  const response = await app.fetch(request, testInvocation(call.invocation))
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : JSON.parse(text),
  }
}

/** The call as an unsigned request. */
export function testRequest(url: string, call: TestCall): Request {
  const { method = call.body === undefined ? 'GET' : 'POST', token, headers, body } = call
  return new Request(url, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
}
