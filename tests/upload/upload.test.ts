import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Backend, type SignedIn, startBackend } from '#tests/backend.ts'
import { type Envelope, testInvocation } from '#tests/invocation.ts'
import { JPEG } from './samples.ts'

let backend: Backend
let alice: SignedIn
beforeAll(async () => {
  backend = await startBackend()
  alice = await backend.signIn('alice')
})
afterAll(() => backend?.close())

test('a small file goes through the function and comes back', async () => {
  const form = new FormData()
  form.set('file', new File([JPEG], '头像 1.jpg', { type: 'image/jpeg' }))

  const request = new Request('http://127.0.0.1/api/v1/upload?purpose=image', {
    method: 'POST',
    headers: { authorization: `Bearer ${alice.accessToken}` },
    body: form,
  })
  const response = await backend.upload.fetch(request, testInvocation())
  const { data } = (await response.json()) as Envelope

  expect([response.status, data]).toEqual([
    201,
    expect.objectContaining({ name: '头像 1.jpg', status: 'ready' }),
  ])
  const read = await backend.upload.fetch(
    new Request(`http://127.0.0.1${data.url}`, { headers: { authorization: `Bearer ${alice.accessToken}` } }),
    testInvocation(),
  )
  expect(read.status).toBe(200)
  expect(Object.fromEntries(read.headers)).toMatchObject({ 'content-type': 'image/jpeg' })
  expect((await read.arrayBuffer()).byteLength).toBe(data.sizeBytes)
})
