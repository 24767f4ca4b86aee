/** Percent-encodes everything but RFC 3986's unreserved characters. */
export function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, hexOf)
}

/** A key or path with each segment encoded and its slashes kept. */
export function encodePath(path: string): string {
  return percentEncode(path).replaceAll('%2F', '/')
}

/** A canonical query: names and values encoded, sorted by encoded name then value. `pair` joins the two. */
export function encodeQuery(
  query: Readonly<Record<string, string>>,
  pair: (name: string, value: string) => string = (name, value) => `${name}=${value}`,
): string {
  return Object.entries(query)
    .map(([name, value]) => [percentEncode(name), percentEncode(value)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => pair(name, value))
    .join('&')
}

/** `name` alone for an empty value: how sub-resources such as `?uploads` are sent, and how OSS signs them. */
export function bareWhenEmpty(name: string, value: string): string {
  return value === '' ? name : `${name}=${value}`
}

function hexOf(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
}
