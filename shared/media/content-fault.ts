import { Fault } from '#shared/errors.ts'

/** Why a file's bytes are refused: stable names that a client may act on. */
export type ContentReason =
  | 'content_type_mismatch'
  | 'markup'
  | 'script'
  | 'archive'
  | 'polyglot'
  | 'macros'
  | 'active_content'
  | 'encrypted'
  | 'truncated'
  | 'malformed'
  | 'trailing_data'
  | 'too_many_pixels'

/** The refusal of a file for what its bytes are. */
export function contentFault(
  reason: ContentReason,
  message: string,
  facts: Readonly<Record<string, unknown>> = {},
): Fault {
  return new Fault('unsupported_media_type', { details: [{ reason, message, ...facts }] })
}
