/** What a gateway tells about the request that it asks about. */
export type OriginalRoute = { readonly route: string } | { readonly isAmbiguous: true }

/** What nginx (as documented), Traefik, APISIX and others call the method and the path. */
const METHOD_HEADERS = ['x-original-method', 'x-forwarded-method']
const PATH_HEADERS = ['x-original-uri', 'x-forwarded-uri', 'x-original-url']

/**
 * The route of the original request, `METHOD /path`, in the one spelling that rules are written for: escapes resolved,
 * slashes single, none at the end, no `;parameters`, HEAD as GET. Two headers that disagree (a gateway sets one, its client
 * the other), or a path that two readers may take for different ones, are ambiguous: whoever sends such a thing tries
 * to get past a rule.
 */
export function originalRoute({ headers, method }: Request): OriginalRoute {
  const methods = given(headers, METHOD_HEADERS, plainMethod)
  const paths = given(headers, PATH_HEADERS, plainPath)
  const isClear = methods.size <= 1 && paths.size <= 1 && !methods.has(undefined) && !paths.has(undefined)
  if (!isClear) return { isAmbiguous: true }
  const [original = method] = methods
  const [path = '/'] = paths
  return { route: `${original === 'HEAD' ? 'GET' : original} ${path}` }
}

function given<T>(headers: Headers, names: readonly string[], read: (text: string) => T): ReadonlySet<T> {
  return new Set(
    names.flatMap((name) => {
      const value = headers.get(name)
      return value === null ? [] : [read(value)]
    }),
  )
}

/** Anything but one token: a header that was sent twice arrives as a list. */
function plainMethod(text: string): string | undefined {
  return /^[a-z]+$/i.test(text) ? text.toUpperCase() : undefined
}

/** Encoded delimiters, backslashes and controls, escapes of escapes, and dot segments in any spelling. */
const AMBIGUOUS = /%2f|%5c|\\|%3b|%3f|%23|%25|%[01][0-9a-f]|%7f|(?:^|\/)(?:\.|%2e){1,2}(?:[/;]|$)/i
/** A header that was sent twice, arriving as a list. */
const TWICE = /,\s*(?:\/|https?:)/i

function plainPath(target: string): string | undefined {
  const [path = ''] = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').split(/[?#]/)
  if (!path.startsWith('/') || AMBIGUOUS.test(path) || TWICE.test(target)) return undefined
  try {
    const plain = decodeURIComponent(path.replaceAll(/;[^/]*/g, '')).replaceAll(/\/{2,}/g, '/')
    // White space at the end of a segment is what some readers cut away.
    if (/\s(?:\/|$)/.test(plain)) return undefined
    return plain.length > 1 ? plain.replace(/\/$/, '') : plain
  } catch {
    return undefined // escapes that are no UTF-8
  }
}
