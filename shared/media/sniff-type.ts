// oxlint-disable no-control-regex -- the patterns are over bytes, control characters among them
import { isAdts, isMp3 } from './audio-frames.ts'
import { latin1 } from './latin1.ts'
import type { MediaType } from './media-types.ts'
import { officeType } from './office-type.ts'

/** How many bytes of a file's beginning the checks want; of a shorter file all of them. */
export const HEAD_BYTES = 64 * 1024

/** How many bytes of a file's end the checks want: with the list of an office document's parts, some 2,500 of them. */
export const TAIL_BYTES = 256 * 1024

type Signature<T> = readonly [type: T, pattern: RegExp]

/** All at the very beginning: readers that look further are what polyglots live by. */
const SIGNATURES: readonly Signature<MediaType>[] = [
  ['image/jpeg', /^\xff\xd8\xff/],
  ['image/png', /^\x89PNG\r\n\x1a\n/],
  ['image/gif', /^GIF8[79]a/],
  ['image/webp', /^RIFF[^]{4}WEBP/],
  ['audio/wav', /^RIFF[^]{4}WAVE/],
  ['video/quicktime', /^\0\0\0[^]ftypqt {2}/],
  ['audio/mp4', /^\0\0\0[^]ftypM4[AB] /],
  ['video/mp4', /^\0\0\0[^]ftyp(?:iso[m2-9]|mp4[12]|avc1|M4V[ HP]|MSNV|dash|3gp[4-7]|F4V )/],
  ['audio/amr', /^#!AMR(?:-WB)?\n/],
  // Tencent puts one byte before the SILK of the standard.
  ['audio/silk', /^\x02?#!SILK_V3/],
  ['application/pdf', /^%PDF-[12]\.\d/],
]

/** What is known and never accepted, so that a refusal can say what it saw. */
const UNWANTED: readonly Signature<string>[] = [
  ['image/heic', /^\0\0\0[^]ftyp(?:hei[cxms]|hev[cxms]|mif1|msf1)/],
  ['image/avif', /^\0\0\0[^]ftypavi[fs]/],
  ['image/bmp', /^BM[^]{4}\0\0\0\0/],
  ['image/tiff', /^(?:II\*\0|MM\0\*)/],
  ['image/svg+xml', /^(?:\xef\xbb\xbf)?\s*(?:<(?:\?xml|!doctype|!--)[^]*?)?<svg[\s>]/i],
  [
    'text/html',
    /^(?:\xef\xbb\xbf)?\s*(?:<!--[^]*?-->\s*)?<(?:!doctype html|html|head|body|script|iframe|h1|div)[\s>]/i,
  ],
  ['application/xml', /^(?:\xef\xbb\xbf)?\s*<\?xml\s/i],
  ['application/x-php', /^\s*<\?(?:php|=)/i],
  ['text/x-shellscript', /^#!\s*\//],
  ['application/zip', /^PK(?:\x03\x04|\x05\x06)/],
  ['application/gzip', /^\x1f\x8b\x08/],
  ['application/vnd.rar', /^Rar!\x1a\x07/],
  ['application/x-7z-compressed', /^7z\xbc\xaf\x27\x1c/],
  ['application/x-msdownload', /^MZ/],
  ['application/x-elf', /^\x7fELF/],
  ['application/x-cfb', /^\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1/],
  ['application/rtf', /^\{\\rtf/],
  ['application/java-vm', /^\xca\xfe\xba\xbe/],
  ['video/x-matroska', /^\x1a\x45\xdf\xa3/],
  ['audio/ogg', /^OggS/],
  ['audio/flac', /^fLaC/],
]

// A comment before an <svg> may be long, and the patterns above are linear in what they are given.
const SIGNATURE_BYTES = 1024

/** What the bytes at a file's beginning say it is; undefined for everything that is not accepted. */
export function sniffType(head: Uint8Array): MediaType | undefined {
  const text = latin1(head.subarray(0, SIGNATURE_BYTES))
  const type = matching(SIGNATURES, text) ?? officeType(head)
  if (type !== undefined) return type
  if (isAdts(head)) return 'audio/aac'
  return isMp3(head) ? 'audio/mpeg' : undefined
}

/** As `sniffType`, and the names of some types that are not accepted: for messages. */
export function detectedType(head: Uint8Array): string | undefined {
  return sniffType(head) ?? matching(UNWANTED, latin1(head.subarray(0, SIGNATURE_BYTES)))
}

function matching<T>(signatures: readonly Signature<T>[], text: string): T | undefined {
  return signatures.find(([, pattern]) => pattern.test(text))?.[0]
}
