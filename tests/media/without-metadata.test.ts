import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { crc32 } from 'node:zlib'
import { fileTypeFromBuffer } from 'file-type'
import type { MediaType } from '#shared/media/media-types.ts'
import { withoutMetadata } from '#shared/media/without-metadata.ts'
import { checkHead, checkTail } from '#shared/media/check-content.ts'
import { reasonOfStream } from './faults.ts'
import { bytes, PICTURES, sample } from './samples.ts'

/** Through the stream in these pieces. */
async function stripped(type: MediaType, pieces: readonly Uint8Array[]): Promise<Buffer> {
  const strip = withoutMetadata(type)
  if (strip === undefined) throw new TypeError(`${type} is let through as it is`)
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece)
      controller.close()
    },
  })
  const reader = source.pipeThrough(strip).getReader()
  const parts: Uint8Array[] = []
  for (let part = await reader.read(); part.value !== undefined; part = await reader.read())
    parts.push(Uint8Array.from(part.value))
  return Buffer.concat(parts)
}

function cut(file: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (file.length + 1)), file.length].toSorted((a, b) => a - b)
  return ends.map((end, index) => file.subarray(ends[index - 1] ?? 0, end))
}

const TRACES = ['Shanghai', 'Xiaohan', 'Phone', 'GPS', '121', '2024:05:06', 'xmpmeta', 'Photoshop']

/** Exif with nothing but orientation 6, as it is written. */
const TURNED = bytes('MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0')

describe.each([
  ['phone.jpg', 'image/jpeg', 'ICC_PROFILE'],
  ['phone.png', 'image/png', 'iCCP'],
  ['phone.webp', 'image/webp', 'ICCP'],
] as const)('metadata of %s', (name, type, profile) => {
  test('are gone: place, camera, time, comments', async () => {
    const file = sample(name)
    const before = TRACES.filter((trace) => file.includes(trace))

    const result = await stripped(type, [file])

    expect(before.length).toBeGreaterThan(2)
    expect(TRACES.filter((trace) => result.includes(trace))).toEqual([])
  })

  test('stay where they say how to turn it and what its colours mean', async () => {
    const result = await stripped(type, [sample(name)])

    expect(result.includes(TURNED)).toBe(true)
    expect(result.includes(profile)).toBe(true)
  })

  test('are gone for good: a second time changes nothing', async () => {
    const once = await stripped(type, [sample(name)])

    expect(await stripped(type, [once])).toEqual(once)
  })
})

describe.each(PICTURES)('%s', (name, type) => {
  const file = sample(name)

  test('stays a whole picture of its type', async () => {
    const result = await stripped(type, [file])

    checkHead(type, result)
    checkTail(type, result)
    expect((await fileTypeFromBuffer(result))?.mime).toBe(type)
  })

  test('gives the same bytes however it is cut', async () => {
    const whole = await stripped(type, [file])

    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(file.length), { maxLength: 12 }), async (places) => {
        expect(await stripped(type, cut(file, places))).toEqual(whole)
      }),
      { numRuns: 40 },
    )
    expect(
      await stripped(
        type,
        [...file].map((byte) => Uint8Array.of(byte)),
      ),
    ).toEqual(whole)
  })

  test('loses whatever follows its end', async () => {
    const whole = await stripped(type, [file])

    const longer = await stripped(type, [Buffer.concat([file, bytes('<script>'), sample('phone.jpg')])])

    expect(longer).toEqual(whole)
  })

  test('is refused when it is not whole, wherever it ends', async () => {
    const sizes = Array.from({ length: 40 }, (_, index) => Math.floor((index * (file.length - 1)) / 40))

    const reasons = await Promise.all(
      sizes.map((size) => reasonOfStream(stripped(type, [file.subarray(0, size)]))),
    )

    expect(reasons.filter((reason) => reason !== 'truncated' && reason !== 'malformed')).toEqual([])
  })

  test('comes out or is refused, but breaks nothing, when bytes of it are changed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length - 1), fc.nat(255), async (place, byte) => {
        const changed = Buffer.from(file)
        changed[place] = byte

        expect(typeof (await reasonOfStream(stripped(type, [changed])))).toBe('string')
      }),
      { numRuns: 60 },
    )
  })
})

describe('pictures with nothing to take out', () => {
  test.each(PICTURES.filter(([name]) => !name.startsWith('phone')))(
    '%s stays as it is',
    async (name, type) => {
      const file = sample(name)

      expect(await stripped(type, [file])).toEqual(file)
    },
  )
})

describe('JPEG', () => {
  const file = sample('plain.jpg')
  const withSegment = (segment: Buffer) => Buffer.concat([file.subarray(0, 2), segment, file.subarray(2)])

  function exif(orientation: number, order: 'II' | 'MM'): Buffer {
    const tiff =
      order === 'MM'
        ? bytes(
            `MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0${String.fromCharCode(orientation)}\0\0\0\0\0\0`,
          )
        : bytes(
            `II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0${String.fromCharCode(orientation)}\0\0\0\0\0\0\0`,
          )
    return Buffer.concat([bytes(`\xff\xe1\0${String.fromCharCode(8 + tiff.length)}Exif\0\0`), tiff])
  }

  test.each([
    ['MM', 8],
    ['II', 3],
  ] as const)('keeps an orientation written in order %s', async (order, orientation) => {
    const result = await stripped('image/jpeg', [withSegment(exif(orientation, order))])

    expect(result).toEqual(withSegment(exif(orientation, 'MM')))
  })

  test.each([1, 0, 9])('keeps no Exif for orientation %i, which says nothing', async (orientation) => {
    expect(await stripped('image/jpeg', [withSegment(exif(orientation, 'II'))])).toEqual(file)
  })

  test.each([
    ['that points outside itself', '\xff\xe1\0\x10Exif\0\0MM\0*\xff\xff\xff\xf0'],
    ['that is empty', '\xff\xe1\0\x08Exif\0\0'],
    ['with XMP', '\xff\xe1\0\x1fhttp://ns.adobe.com/xap/1.0/\0'],
    ['with a second picture (MPF)', '\xff\xe2\0\x08MPF\0xx'],
    ['with a preview (JFXX)', '\xff\xe0\0\x08JFXX\0\x10'],
    ['with provenance (C2PA)', '\xff\xeb\0\x06JP\0\x01'],
    ['before which fill bytes stand', '\xff\xff\xff\xed\0\x04xx'],
  ])('loses a segment %s', async (_, segment) => {
    const result = await stripped('image/jpeg', [withSegment(bytes(segment))])

    expect(result).toEqual(file)
  })

  test('loses metadata between scans, too', async () => {
    const progressive = sample('progressive.jpg')
    const second = progressive.indexOf(bytes('\xff\xda'), progressive.indexOf(bytes('\xff\xda')) + 2)
    const commented = Buffer.concat([
      progressive.subarray(0, second),
      bytes('\xff\xfe\0\x06\xff\xd9hi'),
      progressive.subarray(second),
    ])

    expect(await stripped('image/jpeg', [commented])).toEqual(progressive)
  })

  test('that announces too many pixels behind megabytes of metadata is refused', async () => {
    const huge = Buffer.from(file)
    huge.fill(0xff, huge.indexOf(bytes('\xff\xc0')) + 5, huge.indexOf(bytes('\xff\xc0')) + 9)
    const segment = Buffer.concat([bytes('\xff\xe1\xff\xff'), Buffer.alloc(65_533)])
    const segments = Buffer.concat(Array.from({ length: 32 }, () => segment))
    const pieces = [huge.subarray(0, 2), segments, huge.subarray(2)]

    expect(await reasonOfStream(stripped('image/jpeg', pieces))).toBe('too_many_pixels')
  })

  test('of four grey pixels, in which a scan is two bytes, stays as it is', async () => {
    const tables = ['\xff\xdb\0\x43\0' + '\x01'.repeat(64), '\xff\xc4\0\x14\0\x01' + '\0'.repeat(15) + '\x05']
    const frame = '\xff\xc0\0\x0b\x08\0\x02\0\x02\x01\x01\x11\0'
    const tiny = bytes(`\xff\xd8${tables.join('')}${frame}\xff\xda\0\x08\x01\x01\0\0\x3f\0\x2b\x7f\xff\xd9`)

    expect(await stripped('image/jpeg', [tiny])).toEqual(tiny)
  })

  test.each([
    ['no frame header', '\xff\xd8\xff\xda\0\x08\x01\x01\0\0\x3f\0\x2b\x7f\xff\xd9'],
    ['no start', 'x\xff\xd9'],
    ['two starts', '\xff\xd8\xff\xd8\xff\xd9'],
    ['an end without a picture', '\xff\xd8\xff\xd9'],
    ['a segment shorter than its length', `\xff\xd8\xff\xe0\0\x01${'x'.repeat(20)}`],
    ['nothing but segments', `\xff\xd8${'\xff\xfe\0\x04hi'.repeat(5000)}`],
    ['nothing but fill bytes', `\xff\xd8${'\xff'.repeat(5000)}`],
  ])('with %s is refused', async (_, text) => {
    expect(await reasonOfStream(stripped('image/jpeg', [bytes(text)]))).toBe('malformed')
  })
})

describe('PNG', () => {
  const file = sample('plain.png')
  const afterHeader = 33

  function chunk(name: string, data: Buffer): Buffer {
    const named = Buffer.concat([bytes(name), data])
    const ends = Buffer.alloc(8)
    ends.writeUInt32BE(data.length, 0)
    ends.writeUInt32BE(crc32(named), 4)
    return Buffer.concat([ends.subarray(0, 4), named, ends.subarray(4)])
  }

  function withChunk(name: string, data: Buffer): Buffer {
    return Buffer.concat([file.subarray(0, afterHeader), chunk(name, data), file.subarray(afterHeader)])
  }

  test.each(['tEXt', 'zTXt', 'iTXt', 'tIME', 'eXIf', 'caBX', 'prVt'])('loses a chunk %s', async (name) => {
    expect(await stripped('image/png', [withChunk(name, bytes('Shanghai'))])).toEqual(file)
  })

  test('keeps an orientation with the right checksum', async () => {
    const turned = withChunk('eXIf', TURNED)

    expect(await stripped('image/png', [turned])).toEqual(turned)
  })

  test.each([
    ['a chunk that readers must know', withChunk('ABCD', Buffer.alloc(4))],
    ['a chunk without a name', withChunk('\0\0\0\0', Buffer.alloc(4))],
    [
      'a chunk that is too long',
      Buffer.concat([file.subarray(0, afterHeader), bytes('\xff\xff\xff\xfftEXt')]),
    ],
    ['another beginning', Buffer.concat([file.subarray(0, 8), chunk('IDAT', Buffer.alloc(30))])],
  ])('with %s is refused', async (_, broken) => {
    expect(await reasonOfStream(stripped('image/png', [broken]))).toBe('malformed')
  })
})

describe('WebP', () => {
  test('keeps its length, and says no more that it has XMP', async () => {
    const file = sample('phone.webp')

    const result = await stripped('image/webp', [file])

    expect(result.length).toBe(file.length)
    expect([(file[20] ?? 0) & 4, (result[20] ?? 0) & 4]).toEqual([4, 0])
    expect(result.includes('XMP ')).toBe(false)
  })

  test('whose chunk leaves the file is refused', async () => {
    const file = Buffer.from(sample('lossy.webp'))
    file.writeUInt32LE(0xffff_fff0, 16)

    expect(await reasonOfStream(stripped('image/webp', [file]))).toBe('malformed')
  })
})

test('types whose metadata we cannot take out have no such stream', () => {
  const types = ['image/gif', 'video/mp4', 'application/pdf'] as const

  expect(types.map(withoutMetadata)).toEqual([undefined, undefined, undefined])
})

test.each([0xff, 0x00, 0xd0])('a scan of nothing but FF and %i goes on in few pieces', async (code) => {
  const file = sample('phone.jpg')
  const scan = file.lastIndexOf(Buffer.from([0xff, 0xda]))
  const header = file.subarray(0, scan + 2 + file.readUInt16BE(scan + 2))
  const flood = Buffer.alloc(1_000_000, Buffer.from([0xff, code]))
  const whole = Buffer.concat([header, flood, Buffer.from([0xff, 0xd9])])
  const pieces = Array.from({ length: Math.ceil(whole.length / 50_000) }, (_, at) =>
    whole.subarray(at * 50_000, (at + 1) * 50_000),
  )
  const stream = withoutMetadata('image/jpeg')
  const sent: number[] = []

  const reading = (async () => {
    for await (const chunk of stream?.readable ?? []) sent.push(chunk.length)
  })()
  const writer = stream?.writable.getWriter()
  for (const piece of pieces) await writer?.write(piece)
  await Promise.all([writer?.close(), reading])

  expect(sent.reduce((sum, length) => sum + length, 0)).toBeGreaterThan(1_000_000)
  // One byte a piece once made ten seconds of 5 MB.
  expect(sent.length).toBeLessThan(10 * pieces.length)
})
