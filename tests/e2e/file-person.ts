import { eventually } from '#tests/services/eventually.ts'
import type { TestAnswer } from '#tests/invocation.ts'
import type { Client, SignedIn } from './client.ts'

const HANGS_MS = 20_000
const READY_MS = 10_000

export interface Announced {
  readonly name: string
  readonly contentType: string
  readonly purpose: string
  readonly sizeBytes?: number
  readonly resumable?: boolean
}

export interface Part {
  readonly number: number
  readonly url: string
  readonly etag: string | null
}

/** An answer whose body is a file's contents, or the API's envelope. */
export interface Opened {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Buffer
}

/** A person with a session, and what their mini-program or browser does with files. */
export interface FilePerson {
  readonly id: string
  readonly token: string
  readonly call: (path: string, call?: Parameters<Client['call']>[1]) => Promise<TestAnswer>
  /** POST /upload, multipart/form-data. */
  upload(bytes: Uint8Array<ArrayBuffer>, announced: Announced): Promise<TestAnswer>
  /** POST /uploads; the data of the answer. */
  begin(announced: Announced): Promise<TestAnswer['body']['data']>
  complete(id: string): Promise<TestAnswer>
  /** The parts of an upload, as far as they have arrived. */
  parts(id: string): Promise<readonly Part[]>
  /** Resolves once the file is of this status. */
  becomes(id: string, status: string): Promise<void>
  /** GET of any address, ours with the token, followed nowhere unless asked. */
  open(path: string, init?: RequestInit): Promise<Opened>
}

/** `url` is that of the API, `http://127.0.0.1:<port>`. */
export async function filePerson(url: string, client: Client, name: string): Promise<FilePerson> {
  const session: SignedIn = await client.signIn(name)
  const { accessToken: token, user } = session
  const headers = { authorization: `Bearer ${token}` }
  const call: FilePerson['call'] = (path, options = {}) => client.call(path, { token, ...options })

  async function upload(bytes: Uint8Array<ArrayBuffer>, announced: Announced): Promise<TestAnswer> {
    const body = new FormData()
    body.set('file', new File([bytes], announced.name, { type: announced.contentType }))
    const target = `${url}/api/v1/upload?purpose=${announced.purpose}`
    const init = { method: 'POST', body, headers, signal: AbortSignal.timeout(HANGS_MS) }
    const answer = await fetch(target, init)
    return { status: answer.status, headers: answer.headers, body: JSON.parse(await answer.text()) }
  }

  async function begin(announced: Announced) {
    const answer = await call('/uploads', { body: announced })
    if (answer.status !== 201) throw new Error(`POST /uploads answered ${JSON.stringify(answer.body)}`)
    return answer.body.data
  }

  async function statusOf(id: string): Promise<string> {
    return (await call(`/uploads/${id}`)).body.data.status
  }

  async function open(path: string, init: RequestInit = {}): Promise<Opened> {
    const isOurs = path.startsWith('/')
    const answer = await fetch(isOurs ? `${url}${path}` : path, {
      redirect: 'manual',
      signal: AbortSignal.timeout(HANGS_MS),
      ...init,
      headers: { ...(isOurs ? headers : {}), ...Object.fromEntries(new Headers(init.headers)) },
    })
    return {
      status: answer.status,
      headers: answer.headers,
      bytes: Buffer.from(await answer.arrayBuffer()),
    }
  }

  return {
    id: user.id,
    token,
    call,
    upload,
    begin,
    complete: (id) => call(`/uploads/${id}/complete`, { method: 'POST' }),
    parts: async (id) => (await call(`/uploads/${id}`)).body.data.parts,
    async becomes(id, status) {
      await eventually(async () => (await statusOf(id)) === status, { withinMs: READY_MS })
    },
    open,
  }
}
