import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, type SignedIn, startBackend } from '#tests/backend.ts'
import { type Envelope, testInvocation } from '#tests/invocation.ts'
import { bytes as latin1, sample } from '#tests/media/samples.ts'
import { zip } from '#tests/media/zip.ts'
import { fileClient, postForm } from './client.ts'
import { kept } from './kept.ts'
import { BOUNDARY, film, rawForm, type RawPart } from './raw-form.ts'
import { JPEG } from './samples.ts'

const MB = 1024 * 1024
const DOCX = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'

let backend: Backend
let signedIn: SignedIn
let alice: ReturnType<typeof fileClient>
beforeAll(async () => {
  backend = await startBackend()
  signedIn = await backend.signIn('alice')
  alice = fileClient(backend, signedIn)
  await alice.upload(JPEG) // from here on there is something to compare with
})
afterAll(() => backend?.close())

const HTML = '<!doctype html><script>alert(document.domain)</script>'
const PHP = "<?php system($_GET['c']); ?>"

/** A JPEG with this text as its comment. */
function commented(text: string): Buffer {
  const photo = sample('plain.jpg')
  const length = Buffer.alloc(2)
  length.writeUInt16BE(2 + text.length)
  return Buffer.concat([photo.subarray(0, 2), latin1('\xff\xfe'), length, latin1(text), photo.subarray(2)])
}

function followed(name: string, ...more: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat([
    sample(name),
    ...more.map((part) => (typeof part === 'string' ? latin1(part) : part)),
  ])
}

/** A PDF that does something when it is opened. */
function acting(action: string): Buffer {
  const file = sample('plain.pdf')
  return Buffer.concat([file.subarray(0, 9), latin1(`\n9 0 obj << ${action} >> endobj\n`), file.subarray(9)])
}

/** Sound whose tag holds a page. */
function tagged(): Buffer {
  const tag = Buffer.concat([latin1(`ID3\x03\0\0\0\0\0${String.fromCharCode(HTML.length)}`), latin1(HTML)])
  return Buffer.concat([tag, sample('sound.mp3')])
}

/** A film with a page in a box of its own. */
function boxed(): Buffer {
  const box = latin1(`\0\0\0\0free${HTML}`)
  box.writeUInt32BE(box.length, 0)
  const start = sample('film.mp4')
  const first = start.readUInt32BE(0)
  return Buffer.concat([start.subarray(0, first), box, start.subarray(first)])
}

const jar = zip({ 'META-INF/MANIFEST.MF': 'Main-Class: A', 'A.class': 'x' })
const SVG = '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'

/** What a file is, and what it claims to be. */
const DISGUISED: readonly (readonly [
  is: string,
  name: string,
  type: string,
  purpose: string,
  file: Buffer,
])[] = [
  ['a GIF and a Java archive', 'a.gif', 'image/gif', 'image', followed('plain.gif', jar)],
  ['a JPEG and a page behind it', 'a.jpg', 'image/jpeg', 'image', followed('plain.jpg', HTML)],
  ['a JPEG and a page in its comment', 'a.jpg', 'image/jpeg', 'avatar', commented(HTML)],
  ['a JPEG and PHP in its comment', 'a.jpg', 'image/jpeg', 'image', commented(PHP)],
  ['a PNG and PHP behind it', 'a.png', 'image/png', 'image', followed('plain.png', PHP)],
  ['a WebP and a page behind it', 'a.webp', 'image/webp', 'image', followed('lossy.webp', HTML)],
  [
    'a PDF with a script',
    'a.pdf',
    'application/pdf',
    'document',
    acting('/S /JavaScript /JS (app.alert(1))'),
  ],
  ['a PDF that starts a program', 'a.pdf', 'application/pdf', 'document', acting('/S /Launch /F (cmd.exe)')],
  ['SVG called PNG', 'a.png', 'image/png', 'image', latin1(SVG)],
  ['SVG', 'a.svg', 'image/svg+xml', 'image', latin1(SVG)],
  ['a page called JPEG', 'a.jpg', 'image/jpeg', 'image', latin1(HTML)],
  ['a page', 'a.html', 'text/html', 'document', latin1(HTML)],
  ['a page with a picture’s type', 'a.html', 'image/jpeg', 'image', latin1(HTML)],
  ['a page with a picture’s first bytes', 'a.gif', 'image/gif', 'image', latin1(`GIF89a${HTML}`)],
  [
    'a program called PDF',
    'a.pdf',
    'application/pdf',
    'document',
    latin1('MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff'),
  ],
  ['a program', 'a.exe', 'application/octet-stream', 'document', latin1('MZ\x90\0')],
  ['a zip called document', 'a.docx', DOCX, 'document', zip({ 'a.txt': 'x' })],
  ['a Java archive called document', 'a.docx', DOCX, 'document', jar],
  ['a document and a page behind it', 'a.docx', DOCX, 'document', followed('letter.docx', HTML)],
  ['sound whose tag holds a page', 'a.mp3', 'audio/mpeg', 'audio', tagged()],
  ['a film that holds a page', 'a.mp4', 'video/mp4', 'video', boxed()],
  ['a PNG called JPEG', 'a.jpg', 'image/jpeg', 'image', sample('plain.png')],
  ['a film called sound', 'a.mp3', 'audio/mpeg', 'audio', sample('film.mp4')],
  ['a film as an avatar', 'a.mp4', 'video/mp4', 'avatar', sample('film.mp4')],
  ['half a JPEG', 'a.jpg', 'image/jpeg', 'image', sample('plain.jpg').subarray(0, 300)],
  ['half a PNG', 'a.png', 'image/png', 'image', sample('plain.png').subarray(0, -8)],
  ['nothing', 'a.jpg', 'image/jpeg', 'image', Buffer.alloc(1)],
]

describe.each(DISGUISED)('%s', (_, name, contentType, purpose, file) => {
  const content = new Uint8Array(file)

  test('is refused through the function, and nothing is kept', async () => {
    const before = await kept(backend)

    const { status, body } = await alice.upload(content, { name, contentType, purpose })

    expect([status, body.error]).toEqual([415, 'unsupported_media_type'])
    expect(body.details?.[0]).toMatchObject({ reason: expect.any(String), message: expect.any(String) })
    expect(await kept(backend)).toEqual(before)
  })

  test('is refused by a form, and nothing is kept but that it was', async () => {
    const before = await keptButRefusals()

    const { status, body } = await byForm(content, { name, contentType, purpose })

    expect([status, body.error]).toEqual([415, 'unsupported_media_type'])
    expect(await keptButRefusals()).toEqual(before)
  })

  test('is refused by tus, and nothing is kept but that it was', async () => {
    const before = await keptButRefusals()

    const status = await byTus(content, { name, contentType, purpose })

    expect(status).toBe(415)
    expect(await keptButRefusals()).toEqual(before)
  })
})

async function keptButRefusals() {
  const { files, ...others } = await kept(backend)
  return { ...others, files: files.filter((row) => Object(row).status !== 'refused') }
}

interface Named {
  readonly name: string
  readonly contentType: string
  readonly purpose: string
}

/** The whole flow, up to the first refusal. */
async function byForm(content: Uint8Array<ArrayBuffer>, named: Named) {
  const begun = await alice.begin({ ...named, sizeBytes: content.byteLength })
  if (begun.status !== 201) return begun
  expect(await postForm(begun.body.data, content, named.contentType)).toBe(200)
  const completed = await alice.complete(begun.body.data.id)
  const again = await alice.complete(begun.body.data.id)
  expect(again.status).toBe(completed.status)
  return completed
}

async function byTus(
  content: Uint8Array<ArrayBuffer>,
  { name, contentType, purpose }: Named,
): Promise<number> {
  const metadata = Object.entries({ filename: name, filetype: contentType, purpose })
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',')
  const version = { 'tus-resumable': '1.0.0' }
  const created = await alice.send('/tus', {
    method: 'POST',
    headers: { ...version, 'upload-length': String(content.byteLength), 'upload-metadata': metadata },
  })
  if (created.status !== 201) return created.status
  const { pathname } = new URL(created.headers.get('location') ?? '', 'http://127.0.0.1')
  const appended = await alice.send(pathname.slice('/api/v1'.length), {
    method: 'PATCH',
    headers: { ...version, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' },
    body: content,
  })
  return appended.status
}

/** A form byte for byte, since FormData would mend it. */
async function raw(content: Uint8Array, part: RawPart) {
  return alice.send('/upload?purpose=image', {
    method: 'POST',
    headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
    body: new Uint8Array(rawForm(content, part)),
  })
}

describe('a form', () => {
  const start = `--${BOUNDARY}\r\n`
  const named = (rest: string) => `Content-Disposition: form-data; ${rest}`
  const end = `--${BOUNDARY}--\r\n`
  const photo = `${start}${named('name="file"; filename="a.jpg"')}\r\nContent-Type: image/jpeg\r\n\r\n${Buffer.from(JPEG).toString('latin1')}\r\n`

  test.each([
    ['that is empty', '', 400],
    ['that is truncated', photo.slice(0, -100), 400],
    ['without its last boundary', photo, 400],
    ['with another boundary', (photo + end).replaceAll(BOUNDARY, 'other'), 400],
    ['with line ends as on Unix', (photo + end).replaceAll('\r\n', '\n'), 400],
    ['with a part header of 1 MB', photo.replace('\r\n\r\n', `\r\nX: ${'x'.repeat(MB)}\r\n\r\n`) + end, 400],
    ['with a header that begins with a space', photo.replace('Content-', ' Content-') + end, 400],
    [
      'with a field name of 1 MB',
      `${start}${named(`name="${'n'.repeat(MB)}"`)}\r\n\r\nx\r\n${photo}${end}`,
      400,
    ],
    ['with 20,000 fields', `${start}${named('name="a"')}\r\n\r\nx\r\n`.repeat(20_000) + photo + end, 413],
    ['with 20,000 parts behind the file', photo + `${start}X: 1\r\n\r\n\r\n`.repeat(20_000) + end, 413],
    ['with a field of 1 MB', `${start}${named('name="a"')}\r\n\r\n${'x'.repeat(MB)}\r\n${photo}${end}`, 413],
    ['with two files', photo + photo + end, 413],
    ['without a file', end, 400],
    ['with the file in another field', photo.replace('"file"', '"avatar"') + end, 400],
    ['with an epilogue of 11 MB', photo + end + 'x'.repeat(11 * MB), 413],
  ])('%s is told so, and nothing is kept', async (_, text, expected) => {
    const before = await kept(backend)

    const { status, body } = await alice.send('/upload?purpose=image', {
      method: 'POST',
      headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
      body: new Uint8Array(Buffer.from(text, 'latin1')),
    })

    expect(status).toBe(expected)
    expect(body.details).toHaveLength(1)
    expect(await kept(backend)).toEqual(before)
    expect((await alice.upload(JPEG)).status).toBe(201)
  })
})

const RTL = 'holiday\u202egpj.jpg'
const NAMES: readonly (readonly [what: string, name: string, kept: string])[] = [
  ['climbs', '../../etc/passwd.jpg', 'passwd.jpg'],
  ['climbs in percent-encoding', '%2e%2e%2f%2e%2e%2fetc%2fpasswd.jpg', 'passwd.jpg'],
  ['climbs as on Windows', String.raw`..\..\boot.jpg`, 'boot.jpg'],
  ['is absolute', 'C:/windows/win.jpg', 'win.jpg'],
  ['is turned around', RTL, 'holidaygpj.jpg'],
  ['hides a character', 'a\u200bb\ufeff.jpg', 'ab.jpg'],
  ['is of 4 KB', `${'n'.repeat(4_000)}.jpg`, `${'n'.repeat(251)}.jpg`],
  ['is of 4 KB in Chinese', `${'名'.repeat(1_300)}.jpg`, `${'名'.repeat(83)}.jpg`],
  ['is a device', 'CON.jpg', '_CON.jpg'],
  ['ends in dots', 'a.jpg...', 'a.jpg'],
  ['begins with dots', '...jpg', '...jpg'],
  ['is hidden', '.jpg', '.jpg'],
  ['is a template', '${jndi:ldap://x}.jpg', 'x}.jpg'],
  ['is markup', '<img src=x onerror=alert(1)>.jpg', '<img src=x onerror=alert(1)>.jpg'],
  ['is a formula', '=cmd|calc!A0.jpg', '=cmd|calc!A0.jpg'],
  ['is SQL', "'; drop table files; --.jpg", "'; drop table files; --.jpg"],
  ['is percent-encoded', 'a%0d%0ab.jpg', 'a%0d%0ab.jpg'],
  ['has a semicolon', 'a; filename=b.exe.jpg', 'a; filename=b.exe.jpg'],
]

describe('a name that', () => {
  test.each(NAMES)('%s is kept as a harmless one', async (_, name, harmless) => {
    const { status, body } = await raw(JPEG, { fileName: name })
    const announced = await byForm(new Uint8Array(JPEG), {
      name,
      contentType: 'image/jpeg',
      purpose: 'image',
    })

    expect([status, announced.status]).toEqual([201, 200])
    expect([body.data.name, announced.body.data.name]).toEqual([harmless, harmless])
    await expectHarmless(body.data.id)
  })

  test('has quotes cannot end the header’s early', async () => {
    const name = 'a"; filename="b.exe\\".jpg'
    const { body } = await byForm(new Uint8Array(JPEG), { name, contentType: 'image/jpeg', purpose: 'image' })

    expect(body.data.name).not.toContain('\\')
    await expectHarmless(body.data.id)
  })

  test.each([
    ['NUL', 'a\0.jpg'],
    ['a line end', 'a\r\nSet-Cookie: a=b.jpg'],
    ['half a line end', 'a\rb.jpg'],
    ['an escape', 'a\u001b[2Jb.jpg'],
    ['a delete', 'a\u007fb.jpg'],
  ])('holds %s is a bad request as a part’s header, and loses it as JSON', async (_, name) => {
    const before = await kept(backend)

    const { status } = await raw(JPEG, { fileName: name })

    expect(status).toBe(400)
    expect(await kept(backend)).toEqual(before)
    const { body } = await byForm(new Uint8Array(JPEG), { name, contentType: 'image/jpeg', purpose: 'image' })
    expect(body.data.name).toMatch(/^[\x20-\x7e]+\.jpg$/)
    await expectHarmless(body.data.id)
  })

  test.each([
    ['is empty', '', 'validation_failed'],
    ['is but dots', '..', 'file'],
  ])('%s is none', async (_, fileName, result) => {
    const { status, body } = await raw(JPEG, { fileName })

    expect([400, 201]).toContain(status)
    expect(body.error ?? body.data.name).toBe(result)
  })
})

/** Whatever the file is called, its download says only that. */
async function expectHarmless(id: string): Promise<void> {
  const { status, headers } = await alice.send(`/files/${id}`)
  expect(status).toBe(200)
  expect(headers.get('content-disposition')).toMatch(
    /^attachment; filename="[ !#-[\]-~]*"(?:; filename\*=UTF-8''[\w!#$&+.^`|~%-]+)?$/,
  )
  expect(headers.get('set-cookie')).toBeNull()
  expect(headers.get('content-type')).toBe('image/jpeg')
}

describe('the limits of a platform', () => {
  /** As the platform's adaptor hands it over, with a Content-Length or in chunks. */
  async function send(file: Uint8Array, platform: 'scf' | 'fc', how: 'sized' | 'chunked') {
    const form = rawForm(file, { fileName: 'a.mp4', contentType: 'video/mp4' })
    const background: Promise<unknown>[] = []
    const waitUntil = (work: Promise<unknown>) => void background.push(work)
    const request = new Request('http://127.0.0.1/api/v1/upload?purpose=video', {
      method: 'POST',
      headers: {
        authorization: `Bearer ${signedIn.accessToken}`,
        'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
        ...(how === 'sized' ? { 'content-length': String(form.length) } : {}),
      },
      body: new Blob([new Uint8Array(form)]).stream(),
      duplex: 'half',
    })
    const response = await backend.upload.fetch(request, testInvocation({ platform, waitUntil }))
    await Promise.all(background)
    const body: Envelope = JSON.parse(await response.text())
    return { status: response.status, error: body.error, detail: body.details?.[0] }
  }

  test.each([
    ['scf', 6, 'sized'],
    ['scf', 6, 'chunked'],
    ['fc', 32, 'sized'],
    ['fc', 32, 'chunked'],
  ] as const)('%s takes no more than %d MB, %s, and nothing of it is kept', async (platform, mostMb, how) => {
    const maxBytes = mostMb * MB - 64 * 1024
    const before = await kept(backend)

    const answer = await send(film(maxBytes + 1), platform, how)

    expect(answer).toMatchObject({
      status: 413,
      error: 'payload_too_large',
      detail: { reason: 'size', maxBytes },
    })
    expect(await kept(backend)).toEqual(before)
  })

  test.each(['scf', 'fc'] as const)('%s takes as much', async (platform) => {
    const maxBytes = { scf: 6, fc: 32 }[platform] * MB - 64 * 1024

    expect(await send(film(maxBytes), platform, 'sized')).toMatchObject({ status: 201 })
  })
})
