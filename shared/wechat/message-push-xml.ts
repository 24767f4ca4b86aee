/** An element's text, or what its children hold by their names; an array where a name occurs several times. */
export type XmlValue = string | readonly XmlValue[] | XmlRecord
export interface XmlRecord {
  readonly [name: string]: XmlValue
}

const TOKEN = /<!\[CDATA\[([\s\S]*?)\]\]>|<([A-Za-z_][\w.-]*)\s*(\/?)>|<\/([A-Za-z_][\w.-]*)\s*>|([^<]+)/y
const DECLARATION = /^\uFEFF?\s*(?:<\?xml\s[^<>?]{0,100}\?>)?\s*/
const REFERENCE = /&(?:#(\d{1,7})|#x([\da-fA-F]{1,6})|(amp|lt|gt|quot|apos));|&/g
const NAMED = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" } as const
const MAX_DEPTH = 16
const ROOT = 'xml'

/**
 * Reads the XML of WeChat's messages: elements without attributes, text, CDATA and the five named references. What
 * else XML has, document types and entities first of all, no message needs, and each has been an attack.
 *
 * @throws SyntaxError that says what is wrong, without quoting it
 */
export function readMessageXml(xml: string): XmlRecord {
  const top = opened('')
  const path = [top]
  for (const token of tokensOf(xml)) addToken(path, token)
  if (path.length > 1) throw new SyntaxError('an element is not closed')
  const document = valueOf(top)
  const root = isRecord(document) ? document[ROOT] : undefined
  if (root === undefined || Array.isArray(root) || top.children.size > 1)
    throw new SyntaxError(`expected one element named ${ROOT}`)
  return isRecord(root) ? root : {}
}

interface Open {
  readonly name: string
  text: string
  readonly children: Map<string, XmlValue[]>
}

function opened(name: string): Open {
  return { name, text: '', children: new Map() }
}

function* tokensOf(xml: string): Generator<RegExpExecArray> {
  const pattern = new RegExp(TOKEN)
  pattern.lastIndex = DECLARATION.exec(xml)?.[0].length ?? 0
  while (pattern.lastIndex < xml.length) {
    const token = pattern.exec(xml)
    if (token === null) throw new SyntaxError('expected elements, text and CDATA only')
    yield token
  }
}

function addToken(path: Open[], [, cdata, name, empty, closing, text]: RegExpExecArray): void {
  const current = path.at(-1)
  if (current === undefined) return
  if (text !== undefined) current.text += resolved(text)
  else if (cdata !== undefined) current.text += cdata
  else if (closing !== undefined) close(path, closing)
  else if (name !== undefined && empty === '/') addChild(current, name, '')
  else if (name !== undefined) {
    path.push(opened(name))
    if (path.length > MAX_DEPTH) throw new SyntaxError(`nested deeper than ${MAX_DEPTH} levels`)
  }
}

function close(path: Open[], name: string): void {
  const [parent, closed] = path.slice(-2)
  if (parent === undefined || closed?.name !== name)
    throw new SyntaxError('an element is closed that is not open')
  path.pop()
  addChild(parent, name, valueOf(closed))
}

function addChild({ children }: Open, name: string, value: XmlValue): void {
  const same = children.get(name)
  if (same === undefined) children.set(name, [value])
  else same.push(value)
}

function valueOf({ text, children }: Open): XmlValue {
  if (children.size === 0) return text
  if (text.trim() !== '') throw new SyntaxError('expected either text or elements in an element')
  // From entries, so that a name such as __proto__ is a name like any other.
  return Object.fromEntries(
    [...children].map(([name, [first = '', ...more]]) => [
      name,
      more.length === 0 ? first : [first, ...more],
    ]),
  )
}

function isRecord(value: XmlValue): value is XmlRecord {
  return typeof value === 'object' && !Array.isArray(value)
}

function resolved(text: string): string {
  return text.replace(REFERENCE, (_, decimal?: string, hex?: string, name?: keyof typeof NAMED) => {
    if (name !== undefined) return NAMED[name]
    const point = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal)
    if (!isCharacter(point)) throw new SyntaxError('expected references to characters only')
    return String.fromCodePoint(point)
  })
}

/** @see XML 1.0 §2.2 */
function isCharacter(point: number): boolean {
  if (point < 0x20) return point === 0x09 || point === 0x0a || point === 0x0d
  return point <= 0xd7ff || (point >= 0xe000 && point <= 0xfffd) || (point >= 0x10000 && point <= 0x10ffff)
}
