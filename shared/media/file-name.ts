const MAX_BYTES = 255
const MAX_EXTENSION_BYTES = 32
// Normalising needs no more than could be kept: a character is at least a byte.
const MAX_UNITS = 4096
const NAMELESS = 'file'

/** Separators of POSIX and Windows, and as some clients encode them. */
const SEPARATOR = /[/\\]|%2f|%5c/i
/** Controls, half characters, line separators, and what turns or hides the text around it (Trojan Source). */
const UNFIT = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu
/** Names that are devices on Windows, with any ending. */
const DEVICE = /^(?:con|prn|aux|nul|com[\d\u00b9\u00b2\u00b3]|lpt[\d\u00b9\u00b2\u00b3])(?=\.|$)/i
/** Windows drops these at the end, so that `page.html.` would become `page.html` there. */
const LOOSE_END = /[.\s]+$/u

/**
 * A client's file name fit to keep: its last path segment in NFC without control, bidirectional or separator characters, at
 * most 255 bytes of UTF-8 with its extension. Never empty, `.` or `..`. Made fit again it stays as it is.
 */
export function safeFileName(name: string): string {
  const segments = name.slice(-MAX_UNITS).split(SEPARATOR).map(tidied)
  const last = segments.findLast((segment) => segment !== '') ?? NAMELESS
  return shortened(last.replace(DEVICE, '_$&')).replace(LOOSE_END, '') || NAMELESS
}

function tidied(segment: string): string {
  const text = segment.replaceAll(UNFIT, '').normalize('NFC').trim().replace(LOOSE_END, '')
  return /^(?:\.|%2e)*$/i.test(text) ? '' : text
}

/** Cut before the extension, between characters. */
function shortened(name: string): string {
  if (Buffer.byteLength(name) <= MAX_BYTES) return name
  const dot = name.lastIndexOf('.')
  const ending = dot > 0 && Buffer.byteLength(name.slice(dot)) <= MAX_EXTENSION_BYTES ? name.slice(dot) : ''
  let leftBytes = MAX_BYTES - Buffer.byteLength(ending)
  let kept = ''
  for (const character of name.slice(0, name.length - ending.length)) {
    leftBytes -= Buffer.byteLength(character)
    if (leftBytes < 0) break
    kept += character
  }
  return kept + ending
}

/**
 * The value of `Content-Disposition` for a file of this name: ASCII for old readers, and the true name in UTF-8.
 *
 * @see RFC 6266 §4, appendix D; RFC 8187 §3.2
 */
export function contentDisposition(kind: 'attachment' | 'inline', name: string): string {
  const safe = safeFileName(name)
  // Some readers decode % in the plain form, and each treats \ in its own way.
  const plain = safe.replaceAll(/[^\x20-\x7e]|["%\\]/gu, '_')
  const header = `${kind}; filename="${plain}"`
  return plain === safe ? header : `${header}; filename*=UTF-8''${extValue(safe)}`
}

/** RFC 8187's attr-char leaves out four characters that encodeURIComponent lets through. */
function extValue(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
