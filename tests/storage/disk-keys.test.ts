import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type Disk, openDisk } from '#shared/storage/disk/disk.ts'
import { keyPath } from '#shared/storage/disk/key-path.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'disk-keys-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Short names that share beginnings, and long ones that do not fit into the name of one folder. */
const segment = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'A', '-', '.', '%', '!', '+', '0', '函', '😀'), maxLength: 4 }),
  fc.string({ unit: fc.constantFrom('a', 'b', '函'), minLength: 75, maxLength: 170 }),
)
const key = fc
  .array(segment, { minLength: 1, maxLength: 4 })
  .map((segments) => segments.join('/'))
  .filter((text) => text !== '')

test('different keys have different folders, also where capitals count for nothing, of names that fit', () => {
  fc.assert(
    fc.property(key, key, (a, b) => {
      const [left, right] = [keyPath(a).toLowerCase(), keyPath(b).toLowerCase()]

      expect(left === right).toBe(a === b)
      for (const name of left.split('/')) expect(name).toMatch(/^[a-z0-9%_-]{1,240}[!+]?$/)
    }),
  )
})

test('pages hold every key of a prefix once, in the order of their bytes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(key, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 5 }),
      fc.nat(3),
      async (keys, limit, prefixLength) => {
        const root = await mkdtemp(join(folder, 'run-'))
        const disk = openDisk(root)
        for (const one of keys) await write(disk, one)
        const prefix = Array.from(keys[0] ?? '')
          .slice(0, prefixLength)
          .join('')

        const found: string[] = []
        for (let isMore = true; isMore;) {
          const page = await disk.list({ prefix, after: found.at(-1), limit })
          found.push(...page.objects.map((object) => object.key))
          isMore = page.isMore
        }

        const wanted = keys.filter((one) => one.startsWith(prefix))
        expect(found).toEqual(wanted.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
        await rm(root, { recursive: true })
      },
    ),
    { numRuns: 50 },
  )
})

test('a deleted object leaves no folder behind, and its neighbours stay', async () => {
  const root = await mkdtemp(join(folder, 'run-'))
  const disk = openDisk(root)
  await write(disk, 'a/b')
  await write(disk, 'a/b/c')

  await disk.remove('a/b/c')
  const left = await disk.list({ prefix: '', limit: 10 })
  await disk.remove('a/b')

  expect(left.objects.map((object) => object.key)).toEqual(['a/b'])
  await expect(rm(join(root, 'objects', 'a'))).rejects.toMatchObject({ code: 'ENOENT' })
})

async function write(disk: Disk, one: string): Promise<void> {
  async function* nothing(): AsyncGenerator<Uint8Array> {}
  await disk.write({ key: one, contentType: 'text/plain', startedMs: 0 }, nothing(), () => 'etag')
}
