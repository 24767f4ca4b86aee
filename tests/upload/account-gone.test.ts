import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { deleteUsage } from '#shared/db/tables/file-usage.ts'
import { updateUser } from '#shared/db/tables/users.ts'
import { type Backend, startBackend } from '#tests/backend.ts'
import { testInvocation } from '#tests/invocation.ts'
import { fileClient, storedKeys } from './client.ts'
import { JPEG } from './samples.ts'

const never = new AbortController().signal

let backend: Backend
beforeAll(async () => {
  backend = await startBackend()
})
afterAll(() => backend?.close())

test.each([
  ['with files before', true],
  ['without', false],
])('an upload that arrives while its account is deleted leaves nothing, %s', async (_, hasFiles) => {
  const name = hasFiles ? 'alice' : 'bob'
  const owner = await backend.signIn(name)
  const client = fileClient(backend, owner)
  if (hasFiles) await client.upload(JPEG)
  const boundary = 'xxxxxxxx'
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="a.jpg"\r\ncontent-type: image/jpeg\r\n\r\n`
  const arriving = new TransformStream<Uint8Array, Uint8Array>()
  const writer = arriving.writable.getWriter()
  const request = new Request('http://127.0.0.1/api/v1/upload?purpose=image', {
    method: 'POST',
    headers: {
      authorization: `Bearer ${owner.accessToken}`,
      'content-type': `multipart/form-data; boundary=${boundary}`,
    },
    body: arriving.readable,
    duplex: 'half',
  })

  const answering = backend.upload.fetch(request, testInvocation())
  await writer.ready
  const deleted = await backend.call('/user', { method: 'DELETE', token: owner.accessToken, body: {} })
  await backend.settled()
  await writer.write(Buffer.from(head))
  await writer.write(JPEG)
  await writer.write(Buffer.from(`\r\n--${boundary}--\r\n`)).catch(() => {}) // it may have been refused already
  await writer.close().catch(() => {})
  const answer = await answering

  const rows = await (await backend.database.sql()).selectFrom('files').selectAll().execute()
  expect(deleted.status).toBe(200)
  expect([answer.status, rows, await storedKeys(backend)]).toEqual([401, [], []])
})

test('a banned user has no room for a file', async () => {
  const owner = await backend.signIn('carol')
  const sql = await backend.database.sql()
  await deleteUsage(sql, owner.user.id, never)
  await updateUser(sql, owner.user.id, { status: 'banned' }, never)

  const { status } = await fileClient(backend, owner).begin({ sizeBytes: 100 })

  expect(status).toBe(401)
})
