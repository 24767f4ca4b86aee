import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { fileTypeFromBuffer } from 'file-type'
import { detectedType, HEAD_BYTES, sniffType } from '#shared/media/sniff-type.ts'
import { ACCEPTED, bytes, DOCX, PPTX, sample, XLSX } from './samples.ts'
import { zip } from './zip.ts'

/** Where file-type says it otherwise. */
const ORACLE_NAMES: Readonly<Record<string, string>> = { 'audio/x-m4a': 'audio/mp4' }
const DECLARED = '<?xml version="1.0" standalone="yes"?>'

describe('sniffType', () => {
  test.each(ACCEPTED)('says what file-type says about %s', async (name) => {
    const file = sample(name)
    const oracle = (await fileTypeFromBuffer(file))?.mime ?? ''

    const type = sniffType(file.subarray(0, HEAD_BYTES))

    expect(type).toBe(ORACLE_NAMES[oracle] ?? oracle)
  })

  test.each([
    ['AMR', '#!AMR\n\x3c\x91', 'audio/amr'],
    ['wide-band AMR', '#!AMR-WB\n\x3c', 'audio/amr'],
    ['SILK as WeChat records it', '\x02#!SILK_V3\x17\x00', 'audio/silk'],
    ['SILK as the standard has it', '#!SILK_V3\x17\x00', 'audio/silk'],
  ])('knows %s', (_, text, type) => {
    expect(sniffType(bytes(text))).toBe(type)
  })

  test.each([
    ['Word', ['[Content_Types].xml', '_rels/.rels', 'word/document.xml'], DOCX],
    ['Excel', ['[Content_Types].xml', '_rels/.rels', 'xl/workbook.xml'], XLSX],
    ['PowerPoint', ['[Content_Types].xml', '_rels/.rels', 'ppt/presentation.xml'], PPTX],
    ['LibreOffice', ['_rels/.rels', 'docProps/app.xml', 'word/document.xml', '[Content_Types].xml'], DOCX],
    ['WPS', ['docProps/app.xml', 'docProps/core.xml', 'xl/workbook.xml', '[Content_Types].xml'], XLSX],
  ])('knows a document in the order of %s, sizes before or behind the data', (_, names, type) => {
    const entries = Object.fromEntries(names.map((name) => [name, DECLARED.repeat(9)]))

    const types = [false, true].map((isStreamed) => sniffType(zip(entries, { isStreamed })))

    expect(types).toEqual([type, type])
  })

  test.each([
    ['plain.heic', 'image/heic'],
    ['plain.avif', 'image/avif'],
  ])('does not accept %s, though it is known', (name, type) => {
    const head = sample(name)

    expect([sniffType(head), detectedType(head)]).toEqual([undefined, type])
  })

  test.each([
    ['image/svg+xml', '<?xml version="1.0"?>\n<!-- c -->\n<svg xmlns="http://www.w3.org/2000/svg"/>'],
    ['image/svg+xml', '\xef\xbb\xbf <svg onload="alert(1)">'],
    ['text/html', '<!DOCTYPE html><title>x</title>'],
    ['text/html', ' <script>alert(1)</script>'],
    ['application/xml', '<?xml version="1.0"?><a/>'],
    ['application/x-php', '<?php system($_GET[0]);'],
    ['text/x-shellscript', '#!/bin/sh\nrm -rf ~'],
    ['application/zip', 'PK\x03\x04\x14\0\0\0\0\0'],
    ['application/x-msdownload', 'MZ\x90\0'],
    ['application/x-elf', '\x7fELF\x02\x01'],
    ['application/gzip', '\x1f\x8b\x08\0'],
    ['application/x-cfb', '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'],
    [undefined, 'console.log(1)'],
    [undefined, ''],
    [undefined, '\xff\xd8'],
    [undefined, '\xff\xfe<\0h\0t\0m\0l\0'],
    [undefined, '\xff\xfb\x90\x64' + 'x'.repeat(1000)],
    [undefined, '\xff\xfb\x90\x64alert(1)'],
    [undefined, '\0\0\0\x0cftypqt'],
    [undefined, 'ID3\x03\0\0\0\0\0\x02xx<html>no sound</html>'],
  ])('does not accept what is %s', (type, text) => {
    const head = bytes(text)

    expect([sniffType(head), detectedType(head)]).toEqual([undefined, type])
  })

  test('knows MP3 whose tag fills all that is looked at, and zeros behind a tag', () => {
    const frames = sample('sound.mp3').subarray(sample('sound.mp3').indexOf(0xff))
    const cover = Buffer.concat([bytes('ID3\x03\0\0\0\x7f\x7f\x7f'), Buffer.alloc(HEAD_BYTES, 7)])
    const padded = Buffer.concat([bytes('ID3\x03\0\0\0\0\0\x02xx'), Buffer.alloc(100), frames])

    expect([cover.subarray(0, HEAD_BYTES), padded].map(sniffType)).toEqual(['audio/mpeg', 'audio/mpeg'])
  })

  test('does not take any zip with a folder of that name for a document', () => {
    const jar = zip({ 'META-INF/MANIFEST.MF': '', 'word/document.xml': DECLARED })

    expect(sniffType(jar)).toBeUndefined()
  })

  test('answers about any bytes behind any beginning', () => {
    const beginnings = fc.constantFrom(
      '',
      'ID3',
      '\xff\xf1',
      '\xff\xfb',
      'PK\x03\x04',
      'RIFF',
      '\0\0\0\x18ftyp',
    )
    const heads = fc.tuple(beginnings, fc.uint8Array({ maxLength: 200 }))

    fc.assert(
      fc.property(heads, ([beginning, rest]) => {
        const type = detectedType(Buffer.concat([bytes(beginning), rest]))

        expect(['string', 'undefined']).toContain(typeof type)
      }),
    )
  })
})
