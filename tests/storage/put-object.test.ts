import { expect, test } from '@jest/globals'
import { type MultipartUploads, PART_BYTES } from '#shared/storage/object-store.ts'
import { putObject } from '#shared/storage/put-object.ts'
import type { StoreCall } from '#shared/storage/store-call.ts'

const never = new AbortController().signal
const film = { key: 'film', contentType: 'video/mp4' }

test('a part is on its way while the next one is read, and each arrives as it was', async () => {
  const thirdIsRead = Promise.withResolvers<void>()
  const body = partsOf([1, 2, 3], (number) => number === 3 && thirdIsRead.resolve())
  const arrived: number[][] = []
  const call = answering(async (part) => {
    if (arrived.length === 1) await thirdIsRead.promise // the second one is answered only then
    arrived.push([part.byteLength, part[0] ?? 0, part.at(-1) ?? 0])
  })

  const { sizeBytes } = await putObject({ call, multipart }, { ...film, body }, never)

  expect(sizeBytes).toBe(3 * PART_BYTES)
  expect(arrived).toEqual([1, 2, 3].map((number) => [PART_BYTES, number, number]))
})

test('a body that breaks off ends the upload, once the part on its way has arrived', async () => {
  const events: string[] = []
  const brokenOff = Promise.withResolvers<void>()
  const body = partsOf([1, 2, 3], (number) => {
    if (number < 3) return
    events.push('broke off')
    brokenOff.resolve()
    throw new TypeError('broke off')
  })
  const call = answering(async (part) => {
    if (part[0] === 2) await brokenOff.promise
    events.push(`part ${part[0]} arrived`)
  })
  const ending = { ...multipart, abort: async () => void events.push('aborted') }

  const putting = putObject({ call, multipart: ending }, { ...film, body }, never)

  await expect(putting).rejects.toThrow('broke off')
  expect(events).toEqual(['part 1 arrived', 'broke off', 'part 2 arrived', 'aborted'])
})

/** A stream of whole parts, each full of its number, told of as they are read. */
function partsOf(numbers: readonly number[], read: (number: number) => void): ReadableStream<Uint8Array> {
  const left = [...numbers]
  return new ReadableStream(
    {
      pull(controller) {
        const number = left.shift()
        if (number === undefined) return controller.close()
        read(number)
        controller.enqueue(new Uint8Array(PART_BYTES).fill(number))
      },
    },
    { highWaterMark: 0 },
  )
}

/** A store that takes parts, each once `arrive` has settled. */
function answering(arrive: (part: Uint8Array) => Promise<void>): StoreCall {
  return async ({ body }) => {
    if (!(body instanceof Uint8Array)) throw new TypeError('Not a part')
    await arrive(body)
    return { response: new Response(null, { headers: { etag: '"e"' } }), abandon: () => {} }
  }
}

const unused = () => Promise.reject(new TypeError('Not asked for here'))

const multipart: MultipartUploads = {
  create: async () => 'upload',
  complete: async () => ({ etag: 'whole' }),
  presignPart: () => 'none',
  parts: unused,
  abort: unused,
  list: unused,
}
