/**
 * Keys as folders. A name keeps small letters, digits, `-` and `_`; every other byte is `%` and two digits, so that keys
 * which differ in case only stay apart where file systems do not tell them apart, and no name is too long.
 *
 * A name ends with `!` where the key ends, and with `+` where its segment goes on in the next one.
 */
const END = '!'
const MORE = '+'
/** At three characters each, they fit into the 255 that file systems allow. */
const NAME_BYTES = 80

/** The folder of a key, relative and with slashes: `a/B` is `a/%42!`. */
export function keyPath(key: string): string {
  const segments = byteText(key).split('/')
  const names = segments.flatMap((segment, at) => namesOf(segment, at === segments.length - 1 ? END : ''))
  return names.join('/')
}

/** What the name of a folder stands for. */
export interface KeyName {
  /** One character a byte, the slash after a whole segment included. */
  readonly bytes: string
  /** Whether a key ends with it. */
  readonly isKey: boolean
}

export function readName(name: string): KeyName {
  const isKey = name.endsWith(END)
  const isWhole = !isKey && !name.endsWith(MORE)
  const encoded = isWhole ? name : name.slice(0, -1)
  return { bytes: decoded(encoded) + (isWhole ? '/' : ''), isKey }
}

/** A text with one character for each of its bytes: such texts compare as stores order keys. */
export function byteText(text: string): string {
  return Buffer.from(text).toString('latin1')
}

export function textOf(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString()
}

function namesOf(segment: string, ending: string): readonly string[] {
  const count = Math.max(1, Math.ceil(segment.length / NAME_BYTES))
  return Array.from({ length: count }, (_, at) => {
    const piece = encoded(segment.slice(at * NAME_BYTES, (at + 1) * NAME_BYTES))
    return piece + (at === count - 1 ? ending : MORE)
  })
}

/** An empty segment is a `%` alone. */
function encoded(bytes: string): string {
  if (bytes === '') return '%'
  return bytes.replace(/[^a-z0-9_-]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

function decoded(name: string): string {
  if (name === '%') return ''
  return name.replace(/%(..)/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
}
