import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type FormFile, formFile, type FormLimits } from '#shared/http/form-file.ts'
import { Fault } from '#shared/errors.ts'

const MB = 1024 * 1024
const BOUNDARY = '----WxBoundary7MA4'
const END = `--${BOUNDARY}--\r\n`
const never = new AbortController().signal

/** Bytes as a test writes them: each character is one. */
function latin1(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text, 'latin1'))
}

/** A part as a test writes it, its headers and content in full. */
function part(headers: string, content: string): string {
  return `--${BOUNDARY}\r\n${headers}\r\n\r\n${content}\r\n`
}

const disposition = (rest: string) => `Content-Disposition: form-data; ${rest}`

function filePart(
  content: string,
  named = 'filename="a.png"',
  headers = '\r\nContent-Type: image/png',
): string {
  return part(`${disposition(`name="file"; ${named}`)}${headers}`, content)
}

function field(name: string, value: string): string {
  return part(disposition(`name="${name}"`), value)
}

const FILE = filePart('PNG!')

interface Sent {
  readonly contentType?: string
  readonly contentLength?: number
}

function requestOf(
  body: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null,
  { contentType = `multipart/form-data; boundary=${BOUNDARY}`, contentLength }: Sent = {},
): Request {
  const headers = new Headers({ 'content-type': contentType })
  if (contentLength !== undefined) headers.set('content-length', String(contentLength))
  return new Request('http://127.0.0.1/', { method: 'POST', headers, body, duplex: 'half' })
}

/** A body in chunks of so many bytes. */
function inChunks(bytes: Uint8Array, ...sizes: readonly number[]): ReadableStream<Uint8Array> {
  let at = 0
  let turn = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.byteLength) return controller.close()
      const size = sizes[turn++ % sizes.length] ?? bytes.byteLength
      controller.enqueue(bytes.slice(at, (at += size)))
    },
  })
}

/** Reads a form to its end: what the file is, or what the client is told. */
async function outcome(request: Request, limits: Partial<FormLimits> = {}, signal = never): Promise<unknown> {
  try {
    const { name, contentType, body } = await formFile(request, { maxBytes: 1_000, ...limits }, signal)
    const content = Buffer.from(await new Response(body).arrayBuffer()).toString('latin1')
    return { name, contentType, content }
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    const [detail] = error.details
    return [error.error, detail?.['reason'] ?? detail?.['message'] ?? detail?.['expected']]
  }
}

/** The same for the bytes in one chunk, and in ever smaller ones, which must not matter. */
async function outcomeOf(text: string, sent: Sent = {}, limits: Partial<FormLimits> = {}): Promise<unknown> {
  const bytes = latin1(text)
  const whole = await outcome(requestOf(inChunks(bytes, bytes.byteLength), sent), limits)
  for (const size of bytes.byteLength > 100_000 ? [64 * 1024] : [64 * 1024, 7, 1])
    expect([size, await outcome(requestOf(inChunks(bytes, size), sent), limits)]).toEqual([size, whole])
  return whole
}

const PNG = { name: 'a.png', contentType: 'image/png', content: 'PNG!' }
const CUT = ['bad_request', 'multipart: Unexpected end of form']
const BAD_HEADER = ['bad_request', 'multipart: Malformed part header']
const MISSING = ['validation_failed', 'is required']

describe('a form with a file is read', () => {
  test.each([
    ['alone', `${FILE}${END}`],
    ['after a field', `${field('purpose', 'image')}${FILE}${END}`],
    ['before a field', `${FILE}${field('purpose', 'image')}${END}`],
    [
      'between as many fields as there may be',
      `${field('a', '1').repeat(4)}${FILE}${field('b', '2').repeat(4)}${END}`,
    ],
    ['after a preamble', `This is a multipart message.\r\n${FILE}${END}`],
    ['before an epilogue', `${FILE}${END}Yours sincerely\r\n--${BOUNDARY}\r\n`],
    ['whose last boundary ends the body', `${FILE}--${BOUNDARY}--`],
    ['beside a part that says nothing of itself', `${part('X-Trace: 1', 'x')}${FILE}${END}`],
    ['beside a part without a name', `${part('Content-Disposition: form-data', 'x')}${FILE}${END}`],
    [
      'with headers of many names',
      filePart('PNG!', undefined, `\r\nX-A: 1\r\nX-B: 2\r\nContent-Type: image/png`) + END,
    ],
    ['with a folded header', filePart('PNG!', '\r\n filename="a.png"') + END],
    ['whose headers are in capitals', `${FILE.replace('Content-Disposition', 'CONTENT-DISPOSITION')}${END}`],
    [
      'with a second disposition, which does not count',
      `${FILE.replace('\r\nContent-Type', '\r\nContent-Disposition: form-data; name="other"\r\nContent-Type')}${END}`,
    ],
  ])('%s', async (_, text) => {
    expect(await outcomeOf(text)).toEqual(PNG)
  })

  test.each([
    ['empty', ''],
    ['with line ends', 'a\r\n\r\nb\r\n'],
    [
      'with what almost is a boundary',
      `a\r\n--${BOUNDARY.slice(0, -1)}\r\n--${BOUNDARY.toLowerCase()}--\r\n-`,
    ],
    ['with a boundary inside a line', `a--${BOUNDARY}--`],
    ['with dashes and line ends only', '\r\n--\r\n--\r\r\n-'],
  ])('%s', async (_, content) => {
    expect(await outcomeOf(`${filePart(content)}${END}`)).toEqual({ ...PNG, content })
  })

  test('with exactly as many bytes as there may be', async () => {
    const content = 'x'.repeat(1_000)

    expect(await outcomeOf(`${filePart(content)}${END}`)).toEqual({ ...PNG, content })
  })

  test('with a field of exactly as many bytes as there may be', async () => {
    expect(await outcomeOf(`${field('a', 'x'.repeat(8_192))}${FILE}${END}`)).toEqual(PNG)
  })

  test('whatever its Content-Length says that is not too much', async () => {
    const answers = await Promise.all(
      [0, 1, 1_000, 100_000].map((contentLength) => outcomeOf(`${FILE}${END}`, { contentLength })),
    )

    expect(answers).toEqual([PNG, PNG, PNG, PNG])
  })

  test.each([
    ['in quotes', `multipart/form-data; boundary="${BOUNDARY}"`],
    ['after a charset', `multipart/form-data; charset=utf-8; boundary=${BOUNDARY}`],
    ['before a charset', `multipart/form-data; boundary=${BOUNDARY}; charset=utf-8`],
    ['in capitals', `Multipart/Form-Data; BOUNDARY=${BOUNDARY}`],
  ])('whose boundary is given %s', async (_, contentType) => {
    expect(await outcomeOf(`${FILE}${END}`, { contentType })).toEqual(PNG)
  })

  test('whose boundary has 70 characters', async () => {
    const boundary = `${BOUNDARY}${'7'.repeat(70 - BOUNDARY.length)}`
    const text = `${FILE}${END}`.replaceAll(BOUNDARY, boundary)

    expect(await outcomeOf(text, { contentType: `multipart/form-data; boundary=${boundary}` })).toEqual(PNG)
  })
})

describe('the name of the file is', () => {
  const utf8 = (text: string) => Buffer.from(text).toString('latin1')

  test.each([
    ['Chinese in UTF-8', `filename="${utf8('春节·全家福.png')}"`, '春节·全家福.png'],
    ['Chinese as RFC 8187 writes it', "filename*=UTF-8''%E6%98%A5.png", '春.png'],
    ['the extended one of two', `filename="a.png"; filename*=UTF-8''%E6%98%A5.png`, '春.png'],
    ['without its folders', 'filename="../../etc/passwd"', 'passwd'],
    ['without its folders on Windows', String.raw`filename="C:\\temp\\a.png"`, 'a.png'],
    ['nothing for a folder', 'filename=".."', ''],
    ['with the quotes in it', String.raw`filename="a\"b.png"`, 'a"b.png'],
    ['with what browsers write for a quote and a line end', 'filename="a%22%0D%0A.png"', 'a%22%0D%0A.png'],
    ['without quotes around it', 'filename=a.png', 'a.png'],
    ['up to 4 KB', `filename="${'n'.repeat(4_096)}.png"`, `${'n'.repeat(4_096)}.png`],
  ])('%s', async (_, named, name) => {
    expect(await outcomeOf(`${filePart('PNG!', named)}${END}`)).toEqual({ ...PNG, name })
  })

  test('empty where only the type says that it is a file', async () => {
    const text = `${part(`${disposition('name="file"')}\r\nContent-Type: application/octet-stream`, 'x')}${END}`

    expect(await outcomeOf(text)).toEqual({ name: '', contentType: 'application/octet-stream', content: 'x' })
  })
})

describe('the type of the file is', () => {
  test.each([
    ['text where it has none', '', 'text/plain'],
    ['what it says, without parameters', '\r\nContent-Type: image/PNG; charset=x', 'image/png'],
    ['the first of two', '\r\nContent-Type: image/png\r\nContent-Type: text/html', 'image/png'],
    ['text where it makes no sense', '\r\nContent-Type: nonsense', 'text/plain'],
    ['text where it is empty', '\r\nContent-Type:', 'text/plain'],
    [
      'that of a form, which is not looked into',
      '\r\nContent-Type: multipart/mixed; boundary=b',
      'multipart/mixed',
    ],
  ])('%s', async (_, header, contentType) => {
    expect(await outcomeOf(filePart('PNG!', undefined, header) + END)).toEqual({ ...PNG, contentType })
  })
})

describe('a broken form is a bad request', () => {
  test.each([
    ['without anything', '', CUT],
    ['cut within the first boundary', FILE.slice(0, 9), CUT],
    ['cut within a header', FILE.slice(0, 60), CUT],
    ['cut within the file', filePart('x'.repeat(500)).slice(0, -300), CUT],
    ['cut before the last boundary', FILE, CUT],
    ['cut within the last boundary', `${FILE}--${BOUNDARY}`, CUT],
    ['cut before the last dash', `${FILE}--${BOUNDARY}-`, CUT],
    ['with another boundary than it says', `${FILE}${END}`.replaceAll(BOUNDARY, 'other'), CUT],
    ['whose lines end as on Unix', `${FILE}${END}`.replaceAll('\r\n', '\n'), CUT],
    [
      'with a header that begins with a space (CVE-2022-24434)',
      part(` ${disposition('name="file"; filename="a"')}`, 'x') + END,
      BAD_HEADER,
    ],
    ['with a header that is only a space (CVE-2022-24434)', `--${BOUNDARY}\r\n \r\n${END}`, BAD_HEADER],
    [
      'with a header without a name',
      part(`: x\r\n${disposition('name="file"; filename="a"')}`, 'x') + END,
      BAD_HEADER,
    ],
    ['with a header without a colon', part('Content-Disposition', 'x') + END, BAD_HEADER],
    ['with a NUL in a header', filePart('x', 'filename="a\0.png"') + END, BAD_HEADER],
    ['with half a line end in a header', filePart('x', 'filename="a\r.png"') + END, BAD_HEADER],
    ['with a header of 1 MB', part(`X-Long: ${'x'.repeat(MB)}`, 'x') + END, BAD_HEADER],
    ['with a field name of 1 MB', field('n'.repeat(MB), 'x') + FILE + END, BAD_HEADER],
    ['with a file name of 1 MB', filePart('x', `filename="${'n'.repeat(MB)}"`) + END, BAD_HEADER],
    [
      'with 100,000 headers',
      part('X: 1\r\n'.repeat(100_000) + disposition('name="file"; filename="a"'), 'x') + END,
      BAD_HEADER,
    ],
    [
      'without a blank line after the headers',
      `--${BOUNDARY}\r\n${disposition('name="file"; filename="a"')}\r\n${END}`,
      CUT,
    ],
  ])('%s', async (_, text, expected) => {
    expect(await outcomeOf(text, {}, { maxBytes: 4 * MB })).toEqual(expected)
  })

  test.each([
    ['no boundary', 'multipart/form-data'],
    ['an empty boundary', 'multipart/form-data; boundary='],
    ['an empty boundary in quotes', 'multipart/form-data; boundary=""'],
    ['a boundary of 71 characters', `multipart/form-data; boundary=${'7'.repeat(71)}`],
    ['a boundary of 1,000 characters in quotes', `multipart/form-data; boundary="${'7'.repeat(1_000)}"`],
    ['a quote that does not end', `multipart/form-data; boundary="${BOUNDARY}`],
    ['two types in one', `multipart/form-data; boundary=${BOUNDARY}, multipart/form-data; boundary=b`],
  ])('with %s', async (_, contentType) => {
    expect(await outcomeOf(`${FILE}${END}`, { contentType })).toEqual([
      'bad_request',
      expect.stringMatching(/^multipart: /),
    ])
  })

  test('without a body at all', async () => {
    expect(await outcome(requestOf(null))).toEqual(CUT)
  })
})

describe('a form without the file is told so', () => {
  test.each([
    ['with fields only', field('purpose', 'image') + END],
    ['with a file in another field', part(disposition('name="avatar"; filename="a.png"'), 'x') + END],
    ['with a file in no field', part(disposition('filename="a.png"'), 'x') + END],
    [
      'with a name that only RFC 8187 could read',
      part(disposition('name*=UTF-8\'\'file; filename="a.png"'), 'x') + END,
    ],
    ['with the text of a file', field('file', 'PNG!') + END],
    [
      'with a part of another disposition',
      part('Content-Disposition: attachment; name="file"; filename="a"', 'x') + END,
    ],
    ['with nothing inside', END],
    ['with a line end in the name', filePart('x', 'filename="a\r\nX-Evil: 1.png"') + END],
    ['with a name in a charset that does not exist', filePart('x', "filename*=UTF-99''a.png") + END],
    ['with an empty name', filePart('x', 'filename=""') + END],
  ])('%s', async (_, text) => {
    expect(await outcomeOf(text)).toEqual(MISSING)
  })
})

describe('a form of too much is refused', () => {
  test.each([
    ['a byte too much', filePart('x'.repeat(1_001)) + END, 'size'],
    ['a megabyte too much', filePart('x'.repeat(MB)) + END, 'size'],
    [
      'a byte too much in another field',
      part(disposition('name="b"; filename="b"'), 'x'.repeat(1_001)) + FILE + END,
      'size',
    ],
    ['two files', FILE + FILE + END, 'files'],
    ['two files in other fields', FILE + part(disposition('name="b"; filename="b"'), 'x') + END, 'files'],
    ['nine fields', field('a', '1').repeat(9) + FILE + END, 'fields'],
    ['nine fields behind the file', FILE + field('a', '1').repeat(9) + END, 'fields'],
    ['20,000 fields', field('a', '1').repeat(20_000) + FILE + END, 'fields'],
    ['20,000 parts that say nothing', part('X: 1', '').repeat(20_000) + FILE + END, 'parts'],
    ['a field of a byte too much', field('a', 'x'.repeat(8_193)) + FILE + END, 'field'],
    ['a field of 100 KB', field('a', 'x'.repeat(100 * 1024)) + FILE + END, 'field'],
    ['a field name of a byte too much', field('n'.repeat(101), 'x') + FILE + END, 'name'],
    ['a field name of 15 KB', FILE + field('n'.repeat(15_000), 'x') + END, 'name'],
    ['a preamble without end', `${'x'.repeat(MB)}\r\n${FILE}${END}`, 'size'],
    ['an epilogue without end', `${FILE}${END}${'x'.repeat(MB)}`, 'size'],
    ['a part that says nothing, without end', part('X: 1', 'x'.repeat(MB)) + FILE + END, 'size'],
  ])('%s', async (_, text, reason) => {
    expect(await outcomeOf(text)).toEqual(['payload_too_large', reason])
  })

  test('before any of it is read, where its Content-Length says so', async () => {
    const { body, pulledBytes } = endless()

    expect(await outcome(requestOf(body, { contentLength: MB }))).toEqual(['payload_too_large', 'size'])
    expect(pulledBytes()).toBeLessThan(MB)
  })
})

test.each([
  ['application/json'],
  ['application/x-www-form-urlencoded'],
  [`multipart/mixed; boundary=${BOUNDARY}`],
  [`multipart/form-data-x; boundary=${BOUNDARY}`],
  ['image/png'],
])('a body of %s is of the wrong type', async (contentType) => {
  expect(await outcomeOf(`${FILE}${END}`, { contentType })).toEqual([
    'unsupported_media_type',
    'multipart/form-data',
  ])
})

test('whatever chunks a form comes in, the bytes of the file are the same', async () => {
  const hard = fc.constantFrom(...'\r\n-x', `\r\n--${BOUNDARY}`.slice(0, -1), `\r\n--${BOUNDARY.slice(0, 9)}`)
  const content = fc
    .array(fc.oneof(hard, fc.constant('\0\xff')), { maxLength: 40 })
    .map((parts) => parts.join(''))
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 10 })

  await fc.assert(
    fc.asyncProperty(content, sizes, async (content, sizes) => {
      const text = `${field('a', content)}${filePart(content)}${field('b', '')}${END}`

      expect(await outcome(requestOf(inChunks(latin1(text), ...sizes)))).toEqual({ ...PNG, content })
    }),
    { numRuns: 300 },
  )
})

test('a form cut anywhere is a bad request, never a shorter file', async () => {
  const text = `${field('a', 'x')}${FILE}${field('b', 'y')}--${BOUNDARY}--`

  for (let at = 0; at < text.length; at++)
    expect([at, await outcome(requestOf(inChunks(latin1(text.slice(0, at)), 50)))]).toEqual([
      at,
      ['bad_request', expect.stringMatching(/^multipart: /)],
    ])
})

test('no garbage makes anything but a refusal', async () => {
  const bits = fc.constantFrom(
    `--${BOUNDARY}`,
    '\r\n',
    '--',
    disposition('name="file"'),
    '; filename="a"',
    '\0',
    ': ',
    ' ',
    'x',
  )
  const garbage = fc.array(bits, { maxLength: 30 }).map((parts) => parts.join(''))

  await fc.assert(
    fc.asyncProperty(garbage, async (text) => {
      const result = await outcome(requestOf(inChunks(latin1(text), 11)))

      // Now and then it is a form; everything else is told to be none.
      const isRefused =
        Array.isArray(result) && /^(bad_request|validation_failed|payload_too_large)$/.test(String(result[0]))
      expect(isRefused || Object(result).contentType === 'text/plain').toBe(true)
    }),
    { numRuns: 500 },
  )
})

/** A form's beginning, then bytes of a file for as long as somebody asks for them. */
function endless(chunkBytes = 64 * 1024) {
  let pulled = 0
  let cancelled: () => void
  const cancellation = new Promise<void>((resolve) => (cancelled = resolve))
  const head = latin1(filePart('').slice(0, -2))
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const chunk = pulled === 0 ? head : new Uint8Array(chunkBytes)
        pulled += chunk.byteLength
        controller.enqueue(chunk)
      },
      cancel: () => cancelled(),
    },
    { highWaterMark: 0 },
  )
  return { body, pulledBytes: () => pulled, cancellation }
}

/** These bytes, and then silence. */
function stalling(text: string) {
  let cancelled: () => void
  const cancellation = new Promise<void>((resolve) => (cancelled = resolve))
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(latin1(text)),
    cancel: () => cancelled(),
  })
  return { body, cancellation }
}

const LATE = ['bad_request', 'the body did not arrive in time']

describe('a client that stalls', () => {
  test.each([
    ['before the file', `--${BOUNDARY}\r\n`],
    ['within the file', FILE.slice(0, -5)],
    ['after the file', FILE],
    ['after the form', `${FILE}${END}`],
  ])('%s is told so after the longest silence, and is read no more', async (_, text) => {
    const { body, cancellation } = stalling(text)

    const result = await outcome(requestOf(body), { idleMs: 20 })

    await cancellation
    expect(result).toEqual(LATE)
  })

  test('never quite is told so when its time is up', async () => {
    const bytes = latin1(filePart('x'.repeat(900)))
    let at = 0
    const dripping = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 5))
        controller.enqueue(bytes.slice(at, (at += 1)))
      },
    })

    const result = await outcome(requestOf(dripping), { idleMs: 1_000, waitMs: 100 })

    expect(result).toEqual(LATE)
    expect(at).toBeLessThan(100)
  })

  test('is not blamed for the time that the file’s reader takes', async () => {
    const bytes = latin1(`${filePart('x'.repeat(400_000))}${END}`)
    const { body } = await formFile(
      requestOf(inChunks(bytes, 64 * 1024)),
      { maxBytes: MB, idleMs: 30, waitMs: 30 },
      never,
    )

    let count = 0
    for await (const chunk of body) {
      count += chunk.byteLength
      await new Promise((resolve) => setTimeout(resolve, 20))
    }

    expect(count).toBe(400_000)
  })
})

test('a body that breaks off is told to have', async () => {
  const broken = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(latin1(FILE.slice(0, -3))),
    pull: (controller) => controller.error(new DOMException('The client has gone', 'AbortError')),
  })

  expect(await outcome(requestOf(broken))).toEqual(['bad_request', 'the body broke off'])
})

describe('the end of the signal', () => {
  test.each([
    ['before the file', `--${BOUNDARY}\r\n`],
    ['within the file', FILE.slice(0, -5)],
    ['after the form', `${FILE}${END}`],
  ])('%s is the end of reading, with its reason', async (_, text) => {
    const { body, cancellation } = stalling(text)
    const ending = new AbortController()

    const result = outcome(requestOf(body), {}, ending.signal)
    setTimeout(() => ending.abort(new DOMException('The deadline has passed', 'TimeoutError')), 5)

    await expect(result).rejects.toMatchObject({ name: 'TimeoutError', message: 'The deadline has passed' })
    await cancellation
  })

  test('that has come already is the end before anything is read', async () => {
    const { body, pulledBytes, cancellation } = endless()

    const result = outcome(requestOf(body), {}, AbortSignal.abort(new Error('enough')))

    await expect(result).rejects.toThrow('enough')
    await cancellation
    expect(pulledBytes()).toBe(0)
  })
})

describe('whoever reads the file', () => {
  test('and stops in the middle stops the client', async () => {
    const { body, cancellation } = endless()
    const file = await formFile(requestOf(body), { maxBytes: 200 * MB }, never)
    const reader = file.body.getReader()
    await reader.read()

    await reader.cancel()

    await cancellation
  })

  test('and stops while the client is silent stops the client at once', async () => {
    const { body, cancellation } = stalling(FILE.slice(0, -5))
    const file = await formFile(requestOf(body), { maxBytes: 1_000 }, never)
    const startMs = performance.now()

    await file.body.cancel()

    await cancellation
    expect(performance.now() - startMs).toBeLessThan(1_000)
  })

  test('and never begins keeps nothing but a bit of it', async () => {
    const { body, pulledBytes } = endless()

    const file = await formFile(requestOf(body), { maxBytes: 200 * MB }, never)
    await new Promise((resolve) => setTimeout(resolve, 20))

    expect(pulledBytes()).toBeLessThan(MB)
    await file.body.cancel()
  })

  test('is never more than a bit behind the client, however slow', async () => {
    const { body, pulledBytes } = endless()
    const file = await formFile(requestOf(body), { maxBytes: 200 * MB }, never)

    let readBytes = 0
    let mostAhead = 0
    const end = await readAway(file, (chunk) => {
      readBytes += chunk.byteLength
      mostAhead = Math.max(mostAhead, pulledBytes() - readBytes)
    })

    expect(end).toMatchObject({ error: 'payload_too_large' })
    expect(readBytes).toBeGreaterThan(199 * MB)
    expect(mostAhead).toBeLessThan(512 * 1024)
  })
})

/** Reads with a pause after each chunk; what it ended with. */
async function readAway({ body }: FormFile, seen: (chunk: Uint8Array) => void): Promise<unknown> {
  try {
    for await (const chunk of body) {
      seen(chunk)
      await new Promise((resolve) => setImmediate(resolve))
    }
    return undefined
  } catch (error) {
    return error
  }
}
