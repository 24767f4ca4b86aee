import { signRequest } from '#shared/signing/sign-request.ts'
import { type TestAnswer, type TestCall, testRequest } from '#tests/invocation.ts'
import { sessionSigner, type SigningSession } from '#tests/signed-session.ts'

/** What a mini-program does over HTTP; it signs every call of a session that it has the key of. */
export interface Client {
  readonly call: (path: string, call?: Omit<TestCall, 'invocation'>) => Promise<TestAnswer>
  /** Signs `name` in and gives the data of the answer. */
  readonly signIn: (name: string) => Promise<SignedIn>
}

export interface SignedIn extends SigningSession {
  readonly refreshToken: string
  readonly user: { readonly id: string }
}

const HANGS_MS = 20_000

/** A client of the API at `url`, `http://127.0.0.1:<port>`. */
export function createClient(url: string): Client {
  const sessions = new Map<string, SigningSession>()

  async function call(path: string, options: Omit<TestCall, 'invocation'> = {}): Promise<TestAnswer> {
    const plain = testRequest(`${url}/api/v1${path}`, options)
    const session = sessions.get(options.token ?? '')
    const signer = options.signer ?? (session && sessionSigner(session))
    const request = signer === undefined ? plain : await signRequest(plain, signer)
    const response = await fetch(request, { signal: AbortSignal.timeout(HANGS_MS) })
    const text = await response.text()
    const body = text === '' ? undefined : JSON.parse(text)
    if (body?.data?.signing !== undefined) sessions.set(body.data.accessToken, body.data)
    return { status: response.status, headers: response.headers, body }
  }

  async function signIn(name: string): Promise<SignedIn> {
    const { body } = await call('/login', { body: { code: `dev-${name}` } })
    if (body?.code !== 0) throw new Error(`Cannot sign in ${name}: ${JSON.stringify(body)}`)
    return body.data
  }

  return { call, signIn }
}
