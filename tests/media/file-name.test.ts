import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { contentDisposition, safeFileName } from '#shared/media/file-name.ts'

describe('safeFileName', () => {
  test.each([
    ['照片 1.jpg', '照片 1.jpg'],
    ['👨‍👩‍👧.png', '👨‍👩‍👧.png'],
    ['../../etc/passwd', 'passwd'],
    ['%2e%2e%2fetc%2Fpasswd', 'passwd'],
    ['..\\..\\boot.ini', 'boot.ini'],
    ['C:\\fakepath\\a.png', 'a.png'],
    ['a/b/', 'b'],
    ['a.jpg\0.exe', 'a.jpg.exe'],
    ['CON', '_CON'],
    ['nul.txt', '_nul.txt'],
    ['Com1.log', '_Com1.log'],
    ['console.log', 'console.log'],
    ['a\r\nSet-Cookie: x=1.pdf', 'aSet-Cookie: x=1.pdf'],
    ['invoice\u202Egpj.exe', 'invoicegpj.exe'],
    ['a\u2028b\u200B\uFEFF.pdf', 'ab.pdf'],
    ['page.html. . ', 'page.html'],
    ['cafe\u0301.txt', 'caf\u00e9.txt'],
    ['\ud800.png', '.png'],
    ['', 'file'],
    ['.', 'file'],
    ['..', 'file'],
    ['%2e%2e', 'file'],
    ['\u202e..\u0000', 'file'],
    ['/', 'file'],
    [' . . ', 'file'],
  ])('makes %j fit', (name, safe) => {
    expect(safeFileName(name)).toBe(safe)
  })

  test('keeps the extension of a name of 4 KB, and no half character', () => {
    const safe = safeFileName(`${'函'.repeat(1365)}.jpg`)

    expect(safe).toBe(`${'函'.repeat(83)}.jpg`)
    expect(Buffer.byteLength(safe)).toBeLessThanOrEqual(255)
  })

  test('cuts an endless extension like anything else', () => {
    expect(safeFileName(`a.${'b'.repeat(300)}`)).toBe(`a.${'b'.repeat(253)}`)
  })

  test('is fit for any name, and leaves a fit one as it is', () => {
    const names = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc.string({
        unit: fc.constantFrom('.', '/', ' ', '\\', '%2e', '\u202e', '\u0301', 'e', 'con', '函'),
        maxLength: 400,
      }),
    )

    fc.assert(
      fc.property(names, (name) => {
        const safe = safeFileName(name)

        expect(safe).toMatch(/^(?!\.{1,2}$)[^/\\\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+$/u)
        expect(Buffer.byteLength(safe)).toBeLessThanOrEqual(255)
        expect(safeFileName(safe)).toBe(safe)
      }),
    )
  })
})

describe('contentDisposition', () => {
  test.each([
    ['plain.pdf', 'attachment; filename="plain.pdf"'],
    ['two words.pdf', 'attachment; filename="two words.pdf"'],
    // The two examples of RFC 8187 §3.2.2.
    ['£ rates', `attachment; filename="_ rates"; filename*=UTF-8''%C2%A3%20rates`],
    [
      '£ and € rates',
      `attachment; filename="_ and _ rates"; filename*=UTF-8''%C2%A3%20and%20%E2%82%AC%20rates`,
    ],
    ['报告.pdf', `attachment; filename="__.pdf"; filename*=UTF-8''%E6%8A%A5%E5%91%8A.pdf`],
    ['😀.png', `attachment; filename="_.png"; filename*=UTF-8''%F0%9F%98%80.png`],
    ['a"b;c.txt', `attachment; filename="a_b;c.txt"; filename*=UTF-8''a%22b%3Bc.txt`],
    ["100%(1)*'.txt", `attachment; filename="100_(1)*'.txt"; filename*=UTF-8''100%25%281%29%2A%27.txt`],
    ['a\r\nX: y.txt', 'attachment; filename="aX: y.txt"'],
  ])('says %j', (name, header) => {
    expect(contentDisposition('attachment', name)).toBe(header)
  })

  test('is a header that can be sent and read back, for any name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (name) => {
        const header = contentDisposition('inline', name)

        expect(() => new Headers({ 'content-disposition': header })).not.toThrow()
        const [, plain, extended] =
          /^inline; filename="([\x20-\x7e]*)"(?:; filename\*=UTF-8''(\S+))?$/.exec(header) ?? []
        expect(extended === undefined ? plain : decodeURIComponent(extended)).toBe(safeFileName(name))
      }),
    )
  })
})
