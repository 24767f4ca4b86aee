import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Fault } from '#shared/errors.ts'
import { checkHead, checkTail } from '#shared/media/check-content.ts'
import type { MediaType } from '#shared/media/media-types.ts'
import { HEAD_BYTES, TAIL_BYTES } from '#shared/media/sniff-type.ts'
import { reasonOf } from './faults.ts'
import { ACCEPTED, bytes, DOCX, sample, XLSX } from './samples.ts'
import { zip } from './zip.ts'

const DOCUMENT = { '[Content_Types].xml': '<Types/>', 'word/document.xml': '<w:document/>' }
const PHP = "<?php system($_GET['c']); ?>"
const HTML = '<script>alert(document.domain)</script>'

function check(type: MediaType, file: Buffer): unknown {
  return reasonOf(() => {
    checkHead(type, file.subarray(0, HEAD_BYTES))
    checkTail(type, file.subarray(-TAIL_BYTES))
  })
}

function jpegWith(segment: Buffer): Buffer {
  const file = sample('plain.jpg')
  return Buffer.concat([file.subarray(0, 2), segment, file.subarray(2)])
}

function comment(text: string): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(2 + text.length)
  return Buffer.concat([bytes('\xff\xfe'), length, bytes(text)])
}

/** Without markup, and without an FF that a scan could not hold. */
function film(size: number): Buffer {
  return Buffer.alloc(size, bytes('\0\0\0\x18ftypmp42\0\0\0\0isommp42'))
}

describe('a file that is what it claims', () => {
  test.each(ACCEPTED)('%s passes', (name, type) => {
    expect(check(type, sample(name))).toBe('accepted')
  })

  test('passes as sound when a recorder wrote it under the brand of films', () => {
    expect(check('audio/mp4', sample('recorder.m4a'))).toBe('accepted')
  })

  test.each([
    ['zeros up to a block', Buffer.alloc(512)],
    ['a second picture (MPF)', sample('plain.jpg')],
    [
      'a film with its index at the end (motion photo)',
      Buffer.concat([film(100_000), bytes('\0\0\0\x08moov')]),
    ],
    ['a film of which only data can be seen', Buffer.alloc(100_000, bytes('\x41\xff\xe3\x12\xff\x77'))],
    [
      "Samsung's trailer",
      Buffer.concat([Buffer.alloc(100_000, 7), bytes('SEFH\x6b\0\0\0\0\0\0\0\x0c\0\0\0SEFT')]),
    ],
  ])('passes as a JPEG with %s behind it', (_, trailer) => {
    expect(check('image/jpeg', Buffer.concat([sample('plain.jpg'), trailer]))).toBe('accepted')
  })

  test('passes with XMP in it, which is XML', () => {
    const xmp = `<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF/></x:xmpmeta>`

    expect(check('image/jpeg', jpegWith(comment(xmp)))).toBe('accepted')
  })

  test('passes when its metadata fill all that is looked at', () => {
    const segment = Buffer.concat([bytes('\xff\xe1\xff\xff'), Buffer.alloc(65_533, 7)])

    expect(check('image/jpeg', Buffer.concat([jpegWith(segment)]))).toBe('accepted')
  })
})

describe('a file that is something else', () => {
  test.each([
    ['HTML as JPEG', 'image/jpeg', bytes(`<!DOCTYPE html>${HTML}`), 'text/html'],
    ['SVG as PNG', 'image/png', bytes('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'image/svg+xml'],
    ['PNG as JPEG', 'image/jpeg', sample('plain.png'), 'image/png'],
    ['HEIC as JPEG', 'image/jpeg', sample('plain.heic'), 'image/heic'],
    ['a spreadsheet as a text', DOCX, sample('sheet.xlsx'), XLSX],
    ['a zip as a text', DOCX, zip({ 'a.txt': '' }), 'application/zip'],
    ['a film as MP3', 'audio/mpeg', sample('film.mp4'), 'video/mp4'],
    ['sound as a film', 'video/mp4', sample('sound.m4a'), 'audio/mp4'],
    ['a program as PDF', 'application/pdf', bytes('MZ\x90\0'), 'application/x-msdownload'],
  ] as const)('is refused with what was seen: %s', (_, type, file, detected) => {
    const outcome = (() => {
      try {
        return checkHead(type, file)
      } catch (error) {
        return error
      }
    })()

    expect(outcome).toBeInstanceOf(Fault)
    expect(outcome).toMatchObject({
      error: 'unsupported_media_type',
      details: [{ reason: 'content_type_mismatch', message: expect.any(String), detected }],
    })
  })

  test('is refused when nothing is known of it, or nothing is there', () => {
    const reasons = [bytes('console.log(1)'), Buffer.alloc(0)].map((file) => check('image/png', file))

    expect(reasons).toEqual(['content_type_mismatch', 'content_type_mismatch'])
  })
})

describe('a polyglot', () => {
  const jar = zip({ 'META-INF/MANIFEST.MF': 'Main-Class: A', 'A.class': 'x' })

  test.each([
    ['GIF and Java archive (GIFAR)', 'image/gif', Buffer.concat([sample('plain.gif'), jar]), 'archive'],
    [
      'JPEG and zip with a long comment',
      'image/jpeg',
      Buffer.concat([sample('plain.jpg'), zip({ a: 'b' }, { comment: 'x'.repeat(60_000) })]),
      'archive',
    ],
    ['PDF and zip', 'application/pdf', Buffer.concat([sample('plain.pdf'), jar, bytes('%%EOF')]), 'archive'],
    [
      'MP3 and RAR',
      'audio/mpeg',
      Buffer.concat([sample('sound.mp3'), bytes('Rar!\x1a\x07\x01\0')]),
      'archive',
    ],
    ['JPEG and HTML', 'image/jpeg', jpegWith(comment(HTML)), 'markup'],
    ['JPEG and HTML behind it', 'image/jpeg', Buffer.concat([sample('plain.jpg'), bytes(HTML)]), 'markup'],
    [
      'GIF and script (GIF89a=1)',
      'image/gif',
      Buffer.concat([sample('plain.gif'), bytes('=1;<ScRiPt>x</ScRiPt>;')]),
      'markup',
    ],
    ['PNG and PHP', 'image/png', Buffer.concat([sample('plain.png'), bytes(PHP)]), 'script'],
    ['JPEG and PHP', 'image/jpeg', jpegWith(comment(PHP)), 'script'],
    ['JPEG and short PHP', 'image/jpeg', jpegWith(comment('<?=`$_GET[0]`;exit?>')), 'script'],
    ['JPEG and JSP', 'image/jpeg', jpegWith(comment('<%=Runtime.getRuntime()%>')), 'script'],
    ['JPEG and PHP archive', 'image/jpeg', jpegWith(comment('__HALT_COMPILER();')), 'script'],
    [
      'WAV and shell script',
      'audio/wav',
      Buffer.concat([sample('sound.wav'), bytes('\n#!/bin/sh\n')]),
      'script',
    ],
    ['JPEG and PDF', 'image/jpeg', jpegWith(comment('%PDF-1.4')), 'polyglot'],
    [
      'document and PDF',
      DOCX,
      zip({ '[Content_Types].xml': '', '_rels/%PDF-1.7': '', 'word/document.xml': '' }),
      'polyglot',
    ],
    ['PNG and anything', 'image/png', Buffer.concat([sample('plain.png'), bytes('hidden')]), 'trailing_data'],
  ] as const)('is refused: %s', (_, type, file, reason) => {
    expect(check(type, file)).toBe(reason)
  })

  test.each([
    ['a script', '/OpenAction << /S /JavaScript /JS (app.alert(1)) >>'],
    ['a script whose name is escaped', '/S /J#61va#53cript'],
    ['a program to launch', '/S /Launch /F (cmd.exe)'],
    ['a file', '/Type /EmbeddedFile'],
  ])('is refused as a PDF with %s', (_, text) => {
    const file = sample('plain.pdf')
    const action = Buffer.concat([
      file.subarray(0, 9),
      bytes(`\n9 0 obj << ${text} >> endobj\n`),
      file.subarray(9),
    ])

    expect(check('application/pdf', action)).toBe('active_content')
  })
})

describe('a file that is cut short', () => {
  test.each([
    ['plain.jpg', 'image/jpeg'],
    ['progressive.jpg', 'image/jpeg'],
    ['plain.png', 'image/png'],
    ['plain.gif', 'image/gif'],
    ['plain.pdf', 'application/pdf'],
    ['letter.docx', DOCX],
  ] as const)('is refused: %s', (name, type) => {
    const file = sample(name)

    const reasons = [file.length - 6, file.length >> 1].map((size) => check(type, file.subarray(0, size)))

    expect(reasons).toEqual(['truncated', 'truncated'])
  })

  test.each(ACCEPTED)('is refused or passes, but breaks nothing, wherever %s is cut', (name, type) => {
    const file = sample(name)

    for (let size = 0; size < file.length; size += 1 + (size >> 5))
      expect(typeof check(type, file.subarray(0, size))).toBe('string')
  })
})

describe('a file with bytes changed', () => {
  test.each(ACCEPTED)('is refused or passes, but breaks nothing: %s', (name, type) => {
    const file = sample(name)
    const changes = fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })

    fc.assert(
      fc.property(changes, (pairs) => {
        const changed = Buffer.from(file)
        for (const [place, byte] of pairs) changed[place] = byte

        expect(typeof check(type, changed)).toBe('string')
      }),
    )
  })
})

describe('a picture that is too large', () => {
  function png(width: number, height: number): Buffer {
    const file = Buffer.from(sample('plain.png'))
    file.writeUInt32BE(width, 16)
    file.writeUInt32BE(height, 20)
    return file
  }

  function patched(name: string, at: (file: Buffer) => number, patch: readonly number[]): Buffer {
    const file = Buffer.from(sample(name))
    file.set(patch, at(file))
    return file
  }

  const inFrame = (file: Buffer) =>
    file.findIndex((byte, at) => byte === 0xff && ((file[at + 1] ?? 0) & 0xfc) === 0xc0) + 5

  test.each([
    ['PNG of 50,000 × 50,000', 'image/png', png(50_000, 50_000)],
    ['PNG of one row', 'image/png', png(16_385, 1)],
    ['PNG a pixel above', 'image/png', png(8000, 5001)],
    ['JPEG of 65,535 × 65,535', 'image/jpeg', patched('plain.jpg', inFrame, [255, 255, 255, 255])],
    ['progressive JPEG', 'image/jpeg', patched('progressive.jpg', inFrame, [255, 255, 255, 255])],
    ['GIF', 'image/gif', patched('plain.gif', () => 6, [255, 255, 255, 255])],
    ['WebP, lossy', 'image/webp', patched('lossy.webp', () => 26, [255, 63, 255, 63])],
    ['WebP, lossless', 'image/webp', patched('lossless.webp', () => 21, [255, 255, 255, 15])],
    ['WebP, extended', 'image/webp', patched('phone.webp', () => 24, [255, 255, 255, 0, 0, 0])],
  ] as const)('is refused: %s', (_, type, file) => {
    expect(check(type, file)).toBe('too_many_pixels')
  })

  test.each([
    [8000, 5000, 'accepted'],
    [16_384, 2441, 'accepted'],
    [0, 10, 'malformed'],
  ])('of %i × %i is %s', (width, height, outcome) => {
    expect(check('image/png', png(width, height))).toBe(outcome)
  })
})

describe('an Office document', () => {
  test.each([
    ['sizes behind its data', zip(DOCUMENT, { isStreamed: true }), 'accepted'],
    ['a comment', zip(DOCUMENT, { comment: 'saved by a program' }), 'accepted'],
    ['more parts than can be seen', zip({ ...DOCUMENT, ...many(3000) }), 'accepted'],
    ['macros', zip({ ...DOCUMENT, 'word/vbaProject.bin': 'x' }), 'macros'],
    [
      'macros among more parts than can be seen',
      zip({ ...DOCUMENT, ...many(3000), 'word/vbaProject.bin': 'x' }),
      'macros',
    ],
    ['Excel 4 macros', zip({ ...DOCUMENT, 'xl/macrosheets/sheet1.xml': 'x' }), 'macros'],
    ['a program', zip({ ...DOCUMENT, 'word/run.exe': 'x' }), 'script'],
    ['what makes it a Java archive', zip({ ...DOCUMENT, 'META-INF/MANIFEST.MF': 'x' }), 'script'],
    ['a path that climbs', zip({ ...DOCUMENT, '../../evil': 'x' }), 'malformed'],
    ['an absolute path', zip({ ...DOCUMENT, '/etc/passwd': 'x' }), 'malformed'],
    ['a password', zip(DOCUMENT, { isEncrypted: true }), 'encrypted'],
    ['data behind its end', Buffer.concat([zip(DOCUMENT), bytes('more')]), 'truncated'],
    ['no list of types', zip({ 'word/document.xml': 'x' }), 'content_type_mismatch'],
  ] as const)('with %s is judged so', (_, file, outcome) => {
    expect(check(DOCX, file)).toBe(outcome)
  })

  test('that unpacks to gigabytes is refused', () => {
    const file = zip({ ...DOCUMENT, 'word/a.xml': 'x' })
    const entry = file.lastIndexOf(bytes('PK\x01\x02'))
    file.writeUInt32LE(0xffff_fff0, entry + 24)

    expect(check(DOCX, file)).toBe('archive')
  })

  test('whose list of parts leads nowhere is refused', () => {
    const file = zip(DOCUMENT)
    file.writeUInt32LE(7, file.length - 22 + 12)

    expect(check(DOCX, file)).toBe('malformed')
  })
})

function many(count: number): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`word/media/image${index}.png`, 'x']),
  )
}
