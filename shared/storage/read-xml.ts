/** An element: its text where it has no children, else its children in order. */
export interface Element {
  readonly name: string
  readonly text: string
  readonly children: readonly Element[]
}

const TOKEN =
  /<\?xml[^<>]*\?>|<(\/?)([A-Za-z_][\w.:-]*)((?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|[^<>]+/gy
const REFERENCE = /&(?:#(\d{1,7})|#x([\da-fA-F]{1,6})|(amp|lt|gt|quot|apos));|&/g
const NAMED = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" } as const
const MAX_DEPTH = 16

/**
 * Reads a store's answer. Elements, text and the five named references only: no document type, entities, comments or
 * CDATA, since no store sends them and each has been an attack.
 *
 * @throws TypeError for anything else, without quoting it
 */
export function readXml(xml: string): Element {
  const root: Open = { name: '', text: '', children: [] }
  const path = [root]
  for (const token of tokensOf(xml)) addToken(path, token)
  const [only, ...others] = root.children
  if (path.length > 1 || only === undefined || others.length > 0 || root.text.trim() !== '') throw malformed()
  return only
}

/** The text of a child, undefined without it. */
export function childText(element: Element, name: string): string | undefined {
  return element.children.find((child) => child.name === name)?.text
}

export function childrenNamed(element: Element, name: string): readonly Element[] {
  return element.children.filter((child) => child.name === name)
}

/** The text as it stands in XML. */
export function escapeXml(text: string): string {
  // oxlint-disable-next-line no-control-regex -- a carriage return would be read as a line feed
  return text.replace(/[&<>"'\u0000-\u001f]/g, (character) => `&#${character.charCodeAt(0)};`)
}

interface Open {
  readonly name: string
  text: string
  readonly children: Element[]
}

function* tokensOf(xml: string): Generator<RegExpExecArray> {
  TOKEN.lastIndex = 0
  const input = xml.replace(/^\uFEFF/, '')
  const pattern = new RegExp(TOKEN)
  while (pattern.lastIndex < input.length) {
    const token = pattern.exec(input)
    if (token === null) throw malformed()
    if (token[0].startsWith('<?') && token.index > 0) throw malformed()
    yield token
  }
}

function addToken(path: Open[], [token, closing, name, , selfClosing]: RegExpExecArray): void {
  const current = path.at(-1)
  if (current === undefined || token.startsWith('<?')) return
  if (name === undefined) current.text += unescape(token)
  else if (closing !== '') close(path, current, name)
  else {
    const element: Open = { name, text: '', children: [] }
    current.children.push(element)
    if (selfClosing === '') path.push(element)
    if (path.length > MAX_DEPTH) throw malformed()
  }
}

function close(path: Open[], current: Open, name: string): void {
  if (path.length < 2 || current.name !== name) throw malformed()
  path.pop()
}

function unescape(text: string): string {
  return text.replace(REFERENCE, (_, decimal?: string, hex?: string, name?: keyof typeof NAMED) => {
    if (name !== undefined) return NAMED[name]
    const point = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal)
    if (Number.isNaN(point) || point > 0x10ffff) throw malformed()
    return String.fromCodePoint(point)
  })
}

function malformed(): TypeError {
  return new TypeError('Cannot read the XML: it is not what a store sends')
}
