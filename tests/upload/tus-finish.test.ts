import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { newPieceKey } from '#shared/files/object-keys.ts'
import { type Backend, type SignedIn, startBackend } from '#tests/backend.ts'
import { fileClient, storedKeys } from './client.ts'
import { PDF } from './samples.ts'

const TUS = { 'tus-resumable': '1.0.0' }

let backend: Backend
let session: SignedIn
let alice: ReturnType<typeof fileClient>
beforeAll(async () => {
  backend = await startBackend()
  session = await backend.signIn('alice')
  alice = fileClient(backend, session)
}, 30_000)
afterAll(() => backend?.close())

/** An upload whose bytes are all in the store, as a function leaves it that dies before it makes them the file. */
async function arrived(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const metadata = `filename ${btoa('letter.pdf')},filetype ${btoa('application/pdf')},purpose ${btoa('document')}`
  const headers = { ...TUS, 'upload-length': String(bytes.length), 'upload-metadata': metadata }
  const { headers: answered } = await alice.send('/tus', { method: 'POST', headers })
  const id = answered.get('location')?.split('/').at(-1) ?? ''
  const type = { contentType: 'application/offset+octet-stream' }
  await backend.storage.put(newPieceKey(id, 0), bytes, type, AbortSignal.timeout(5_000))
  return id
}

function ask(id: string) {
  return backend.call(`/tus/${id}`, { method: 'HEAD', token: session.accessToken, headers: TUS })
}

test('an upload whose function died after the last piece is a file for whoever asks how far it has come', async () => {
  const id = await arrived(PDF)

  const head = await ask(id)
  const again = await ask(id)

  const file = await alice.get(`/uploads/${id}`)
  expect([head.status, again.status]).toEqual([200, 200])
  expect([head, again].map(({ headers }) => headers.get('upload-offset'))).toEqual(
    Array(2).fill(String(PDF.length)),
  )
  expect(file.body.data.file).toMatchObject({ id, status: 'ready', sizeBytes: PDF.length })
})

test('asked about by several at once, it is one file', async () => {
  const id = await arrived(PDF)

  const heads = await Promise.all(Array.from({ length: 5 }, () => ask(id)))
  await backend.settled()

  const about = (await storedKeys(backend)).filter((key) => key.includes(id))
  expect(heads.map(({ status }) => status)).toEqual(Array(5).fill(200))
  expect(about).toEqual([expect.stringMatching(/^files\/.*\.pdf$/)])
})

test('one that turns out to be no such file is refused, and gone', async () => {
  const id = await arrived(new Uint8Array(Buffer.from('<html><script>alert(1)</script></html>')))

  const head = await ask(id)
  const again = await ask(id)

  expect([head.status, again.status]).toEqual([415, 404])
})
