import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { objectStore } from '#scripts/dev/storage-service.ts'
import { randomId } from '#shared/ids.ts'
import { secret } from '#shared/secret.ts'
import { openStorage } from '#shared/storage/open-storage.ts'
import { readStorageUrl } from '#shared/storage/storage-address.ts'

const never = new AbortController().signal

test.each([
  ['no bucket is given', false, 's3:'],
  ['a folder is given', true, 'disk:'],
])('where %s, what a function stores is served to clients', async (_, isGiven, protocol) => {
  const folder = await mkdtemp(join(tmpdir(), 'storage-service-'))
  const env: Record<string, string> = isGiven ? { STORAGE_URL: `disk://${folder}/own` } : {}
  const silent = () => {}
  const service = await objectStore({ root: folder, folder, env, log: silent, note: silent })
  const { STORAGE_URL: url = '', STORAGE_ACCESS_KEY_ID: accessKeyId = '', ...rest } = service.settings
  const secretKey = secret(rest['STORAGE_SECRET_KEY'] ?? '')
  const storage = openStorage({ at: readStorageUrl(url), credentials: () => ({ accessKeyId, secretKey }) })
  const key = randomId()
  try {
    await storage.put(key, Buffer.from('film'), { contentType: 'video/mp4' }, never)
    const answer = await fetch(storage.presignGet(key, { expiresInS: 60 }))

    expect(new URL(url).protocol).toBe(protocol)
    expect([answer.status, await answer.text()]).toEqual([200, 'film'])
    expect(service.about).toContain(isGiven ? `${folder}/own` : 'data in objects')
  } finally {
    await service.stop()
    await rm(folder, { recursive: true })
  }
})

test('a folder that another server serves is used as it is', async () => {
  const env = { STORAGE_URL: 'disk:///data/album?public=http://127.0.0.1:9001' }
  const silent = () => {}

  const service = await objectStore({ root: '/', folder: '/', env, log: silent, note: silent })

  expect([service.url, service.settings]).toEqual([undefined, {}])
})
