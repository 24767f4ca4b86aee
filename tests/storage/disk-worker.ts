// Runs in a process of its own: node|bun tests/storage/disk-worker.ts <STORAGE_URL> <what> <key> [<upload id> <etag>]
// Uses a folder as a function would, and prints what came of it as one line of JSON.
import { PART_BYTES } from '#shared/storage/object-store.ts'
import { streamOf } from './bodies.ts'
import { openDiskAt } from './start-disk.ts'

const [url = '', what = '', key = '', uploadId = '', etag = ''] = process.argv.slice(2)
const store = openDiskAt(url)
const never = new AbortController().signal
const type = { contentType: 'text/plain' }
const ROUNDS = 100

const ACTS: Readonly<Record<string, () => Promise<unknown>>> = {
  /** Replaces one object many times, and deletes it now and then. */
  async rewrite() {
    for (let round = 1; round <= ROUNDS; round += 1) {
      const letter = String.fromCharCode(97 + (round % 26))
      await store.put(key, Buffer.from(letter.repeat(1_000 + round)), type, never)
      if (round % 10 === 0) await store.delete(key, never)
    }
    return 'done'
  },

  async complete() {
    const parts = [{ number: 1, etag }]
    return store.multipart.complete({ key, uploadId, parts }, never).catch(({ error }) => error)
  },

  /** Writes until somebody ends the process. */
  async hang() {
    const first = streamOf(PART_BYTES).getReader()
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { value } = await first.read()
        if (value !== undefined) return controller.enqueue(value)
        console.log('"hanging"')
        await new Promise((resolve) => setTimeout(resolve, 60_000))
      },
    })
    return store.put(key, body, type, never)
  },
}

console.log(JSON.stringify(await ACTS[what]?.()))
