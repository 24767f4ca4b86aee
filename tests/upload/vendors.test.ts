import { describe, expect, test } from '@jest/globals'
import { startBackend } from '#tests/backend.ts'
import { fileClient, postForm, putPart } from './client.ts'
import { JPEG, mp4 } from './samples.ts'

const PART = 5 * 1024 * 1024

describe.each(['s3', 'cos', 'oss', 'disk'] as const)('a store by the name of %s', (vendor) => {
  test('takes a picture by form, a film in parts, a file through the function, and shows all of them', async () => {
    const backend = await startBackend({ vendor, upload: { download: 'redirect' } })
    try {
      const alice = fileClient(backend, await backend.signIn('alice'))
      const film = mp4(PART + 1_000)
      const video = { name: '影片.mp4', contentType: 'video/mp4', purpose: 'video' } as const

      const form = (await alice.begin({ sizeBytes: JPEG.byteLength, name: '照片.jpg' })).body.data
      const posted = await postForm(form, JPEG)
      const picture = await alice.complete(form.id)

      const parts = (await alice.begin({ ...video, sizeBytes: film.byteLength, resumable: true })).body.data
      await putPart(parts.parts[1].url, film.slice(PART))
      const missing = (await alice.get(`/uploads/${parts.id}`)).body.data.parts
      await putPart(missing[0].url, film.slice(0, PART))
      const whole = await alice.complete(parts.id)

      const direct = await alice.upload(film, video)
      const shown = await Promise.all(
        [picture, whole, direct].map(async ({ body }) => {
          const { status, headers } = await alice.send(`/files/${body.data.id}`)
          const bytes = await (await fetch(headers.get('location') ?? '')).arrayBuffer()
          return { status, bytes: bytes.byteLength, sizeBytes: body.data.sizeBytes }
        }),
      )

      expect([posted, picture.status, whole.status, direct.status]).toEqual([200, 200, 200, 201])
      expect(missing.map(({ etag }: { etag: string | null }) => etag !== null)).toEqual([false, true])
      for (const { status, bytes, sizeBytes } of shown) expect([status, bytes]).toEqual([302, sizeBytes])
    } finally {
      await backend.close()
    }
  })
})
