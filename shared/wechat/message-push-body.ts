import { Fault } from '#shared/errors.ts'
import { parsePlainJson } from '#shared/http/plain-json.ts'
import { readMessageXml } from './message-push-xml.ts'

/** What WeChat's console calls the data format. The Content-Type of a push says nothing reliable about it. */
export type PushFormat = 'json' | 'xml'

export interface PushBody {
  readonly format: PushFormat
  /** By WeChat's own names. In XML every value is text; in JSON a whole number beyond 2^53, as a MsgId, is text, too. */
  readonly fields: Readonly<Record<string, unknown>>
}

/**
 * Reads a push, encrypted or not, in either format.
 *
 * @throws Fault validation_failed
 */
export function readPushBody(text: string): PushBody {
  try {
    return text.trimStart().startsWith('<')
      ? { format: 'xml', fields: readMessageXml(text) }
      : { format: 'json', fields: readMessageJson(text) }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw malformed(error.message)
  }
}

/** The text of bytes in UTF-8. @throws Fault validation_failed */
export function pushText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw malformed('expected UTF-8')
  }
}

/** A string, or a whole number with more digits than a double is sure to hold. */
const STRING_OR_LONG = /"(?:[^"\\]|\\.)*"|(?<![\w.+-])-?\d{16,}(?![\w.])/g

function readMessageJson(text: string): Readonly<Record<string, unknown>> {
  const first = parsed(text)
  // Looked at only once it is known to be JSON: in other text the search for strings could take long.
  const value = /\d{16}/.test(text) ? parsed(text.replace(STRING_OR_LONG, exact)) : first
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SyntaxError('expected an object')
  return { ...value }
}

function parsed(text: string): unknown {
  try {
    return parsePlainJson(text)
  } catch {
    throw new SyntaxError('expected JSON with every name once') // the parser's own message quotes the text
  }
}

function exact(token: string): string {
  return token.startsWith('"') || Number.isSafeInteger(Number(token)) ? token : `"${token}"`
}

function malformed(message: string): Fault {
  return new Fault('validation_failed', { details: [{ path: '', message }] })
}
