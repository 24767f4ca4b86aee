const MAX_DEPTH = 32

/**
 * Parses JSON that means the same to every reader: a name that occurs twice in an object, or nesting deeper than 32
 * levels, is refused, since parsers disagree about them and an attacker can hide a value from one of two readers.
 *
 * @throws SyntaxError that says what is wrong.
 * @see RFC 8259 §4 (names SHOULD be unique)
 */
export function parsePlainJson(text: string): unknown {
  const value: unknown = JSON.parse(text)
  checkNames(text)
  return value
}

/** Walks text that JSON.parse accepted, so only strings, brackets and colons need to be seen. */
function checkNames(text: string): void {
  const open: Set<string>[] = []
  const tokens = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g
  for (const [token, isName] of text.matchAll(tokens)) {
    if (token === '{' || token === '[') open.push(new Set())
    else if (token === '}' || token === ']') open.pop()
    else if (isName !== undefined) addName(open.at(-1), token.slice(0, -isName.length))
    if (open.length > MAX_DEPTH) throw new SyntaxError(`nested deeper than ${MAX_DEPTH} levels`)
  }
}

function addName(names: Set<string> | undefined, literal: string): void {
  const name = String(JSON.parse(literal))
  if (names?.has(name) === true) throw new SyntaxError('a name occurs twice in one object')
  names?.add(name)
}
