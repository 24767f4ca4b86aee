import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Backend, type SignedIn, startBackend } from '#tests/backend.ts'
import { testInvocation } from '#tests/invocation.ts'

const SIZE = 5_000

let backend: Backend
let alice: SignedIn
beforeAll(async () => {
  backend = await startBackend({ guard: { signing: 'required', limitFactor: 1_000 } })
  alice = await backend.signIn('alice')
})
afterAll(() => backend?.close())

interface Asked {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer>
  readonly deadline?: number
}

function ask(method: string, path: string, { headers, body, deadline }: Asked = {}): Promise<Response> {
  const request = new Request(`http://127.0.0.1${path}`, {
    method,
    headers: { authorization: `Bearer ${alice.accessToken}`, 'tus-resumable': '1.0.0', ...headers },
    ...(body === undefined ? {} : { body, duplex: 'half' }),
  })
  return backend.upload.fetch(request, testInvocation(deadline === undefined ? {} : { deadline }))
}

async function begun(): Promise<string> {
  const metadata = { filename: 'x.mp4', filetype: 'video/mp4', purpose: 'video' }
  const pairs = Object.entries(metadata).map(([key, value]) => `${key} ${btoa(value)}`)
  const headers = { 'upload-length': String(SIZE), 'upload-metadata': pairs.join(',') }
  const { status, headers: told } = await ask('POST', '/api/v1/tus', { headers })
  expect(status).toBe(201)
  return told.get('location') ?? ''
}

const PIECE = { 'content-type': 'application/offset+octet-stream', 'upload-offset': '0' }

test('where every call has to be signed tus works by its token alone, whatever the method', async () => {
  const path = await begun()

  const answers = [
    await ask('HEAD', path),
    await ask('PATCH', path, { headers: PIECE, body: new Uint8Array(10) }),
    await ask('POST', path, { headers: { 'x-http-method-override': 'HEAD' } }),
    await ask('DELETE', path),
  ]

  expect(answers.map(({ status }) => status)).toEqual([200, 204, 200, 204])
})

test('a piece that is too slow for one call keeps what has come', async () => {
  const path = await begun()
  let source: ReadableStreamDefaultController<Uint8Array> | undefined
  const body = new ReadableStream<Uint8Array>({ start: (controller) => void (source = controller) })
  source?.enqueue(new Uint8Array(1_000))

  const slow = await ask('PATCH', path, { headers: PIECE, body, deadline: backend.now() + 5_200 })
  const after = await ask('HEAD', path)

  expect([slow.status, slow.headers.get('upload-offset')]).toEqual([204, '1000'])
  expect(after.headers.get('upload-offset')).toBe('1000')
})
