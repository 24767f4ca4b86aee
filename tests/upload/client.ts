import type { Backend, SignedIn } from '#tests/backend.ts'
import type { Invocation } from '#shared/http/app.ts'
import { type Envelope, testInvocation } from '#tests/invocation.ts'

export interface Announced {
  readonly name?: string
  readonly sizeBytes?: number
  readonly contentType?: string
  readonly purpose?: string
  readonly resumable?: boolean
}

/** What a mini-program or a browser does with files. */
export function fileClient(backend: Backend, { accessToken: token }: Pick<SignedIn, 'accessToken'>) {
  const authorization = `Bearer ${token}`

  /** POST /upload with one file. */
  async function upload(
    bytes: Uint8Array<ArrayBuffer>,
    { name = 'photo.jpg', contentType = 'image/jpeg', purpose = 'image' }: Announced = {},
  ) {
    const form = new FormData()
    form.set('file', new File([bytes], name, { type: contentType }))
    return send(`/upload?purpose=${purpose}`, { method: 'POST', body: form })
  }

  /** Any request of the API whose body is not JSON; the answer's envelope, where it has one. */
  async function send(path: string, init: RequestInit = {}, invocation: Partial<Invocation> = {}) {
    const request = new Request(`http://127.0.0.1/api/v1${path}`, {
      ...init,
      headers: { authorization, ...Object.fromEntries(new Headers(init.headers)) },
    })
    const background: Promise<unknown>[] = []
    const waitUntil = (work: Promise<unknown>) => void background.push(work)
    const response = await backend.upload.fetch(request, testInvocation({ waitUntil, ...invocation }))
    const bytes = Buffer.from(await response.arrayBuffer())
    await Promise.all(background)
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
    // The envelope is what every JSON answer of the API is.
    const body = (isJson && bytes.length > 0 ? JSON.parse(bytes.toString()) : undefined) as Envelope
    return { status: response.status, headers: response.headers, bytes, body }
  }

  /** POST /uploads: begins an upload that goes to the store; the data of the answer. */
  async function begin(announced: Announced = {}, headers: Readonly<Record<string, string>> = {}) {
    const body = { name: 'photo.jpg', contentType: 'image/jpeg', purpose: 'image', ...announced }
    const answer = await backend.call('/uploads', { token, body, headers })
    await backend.settled()
    return answer
  }

  async function complete(id: string, body: unknown = {}) {
    const answer = await backend.call(`/uploads/${id}/complete`, { method: 'POST', token, body })
    await backend.settled()
    return answer
  }

  return {
    upload,
    send,
    begin,
    complete,
    get: (path: string) => backend.call(path, { token }),
    remove: async (path: string) => {
      const answer = await backend.call(path, { method: 'DELETE', token })
      await backend.settled()
      return answer
    },
  }
}

export interface Form {
  readonly url: string
  readonly fields: Readonly<Record<string, string>>
}

/** What `wx.uploadFile` does with a form. */
export async function postForm(
  { url, fields }: Form,
  bytes: Uint8Array<ArrayBuffer>,
  type = 'image/jpeg',
): Promise<number> {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.set(name, value)
  form.set('file', new File([bytes], 'tmp_f00.jpg', { type }))
  const response = await fetch(url, { method: 'POST', body: form })
  await response.arrayBuffer()
  return response.status
}

/** What `wx.request` does with a part; the ETag of the answer. */
export async function putPart(url: string, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const headers = { 'content-type': 'application/octet-stream' }
  const response = await fetch(url, { method: 'PUT', body: bytes, headers })
  await response.arrayBuffer()
  if (response.status !== 200) throw new Error(`The store answered ${response.status}`)
  return response.headers.get('etag') ?? ''
}

/** Keys of everything in the store. */
export async function storedKeys(backend: Backend): Promise<readonly string[]> {
  const { items } = await backend.storage.list({ prefix: '', limit: 1_000 }, AbortSignal.timeout(5_000))
  return items.map(({ key }) => key)
}
