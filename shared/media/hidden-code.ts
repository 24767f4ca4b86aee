// oxlint-disable no-control-regex -- the patterns are over bytes, control characters among them
import { type ContentReason, contentFault } from './content-fault.ts'
import { latin1 } from './latin1.ts'
import type { MediaType } from './media-types.ts'

interface Sign {
  readonly reason: ContentReason
  readonly message: string
  readonly pattern: RegExp
}

/**
 * What browsers, script engines and unpackers go by. Each is long enough not to turn up by chance: two bytes such as <%
 * stand in every compressed picture, so short ones count only before a dozen characters of text.
 */
const SIGNS: readonly Sign[] = [
  {
    reason: 'markup',
    message: 'holds HTML or SVG',
    pattern: /<(?:!doctype\s|(?:html|svg|script|iframe|object|embed|applet|img|foreignobject)[\s>/])/i,
  },
  {
    reason: 'script',
    message: 'holds a script',
    pattern:
      /<\?php\s|__halt_compiler\(|javascript:|vbscript:|#! ?\/(?:usr\/)?bin\/|<(?:%|\?=)[\t\n\r\x20-\x7e]{12}/i,
  },
  {
    reason: 'archive',
    message: 'holds an archive',
    pattern: /Rar!\x1a\x07|7z\xbc\xaf\x27\x1c/,
  },
]

/** By which a PDF acts when it is opened, or carries other files (ISO 32000 §12.6.4, §7.11.4). */
const PDF_ACTIONS = /\/(?:JavaScript|Launch|EmbeddedFiles?|RichMedia)\b/
/** A PDF's names may be written with any of their characters as #xx. */
const PDF_ESCAPE = /#([\da-f]{2})/gi

const PDF_BEGINNING_BYTES = 1024

/**
 * Refuses what another program would take for code in a file that claims to be something else. `part` is the beginning or the
 * end of a file; what lies between them is not looked at, which is why downloads carry nosniff and are attachments.
 *
 * @throws Fault unsupported_media_type
 */
export function checkForCode(type: MediaType, part: Uint8Array): void {
  const text = latin1(part)
  const sign = SIGNS.find(({ pattern }) => pattern.test(text))
  if (sign !== undefined) throw contentFault(sign.reason, sign.message)
  if (type === 'application/pdf' && PDF_ACTIONS.test(unescaped(text)))
    throw contentFault('active_content', 'the PDF holds scripts, programs to launch or other files')
}

/** Readers of PDF look for its beginning in the first 1024 bytes. @throws Fault unsupported_media_type */
export function checkForPdf(type: MediaType, head: Uint8Array): void {
  if (type !== 'application/pdf' && latin1(head.subarray(0, PDF_BEGINNING_BYTES)).includes('%PDF-'))
    throw contentFault('polyglot', 'is a PDF, too')
}

function unescaped(text: string): string {
  return text.replaceAll(PDF_ESCAPE, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
