import { Fault } from '#shared/errors.ts'
import type { Route } from './route.ts'

/** Where every route begins. */
export const BASE_PATH = '/api/v1'

export interface Match {
  readonly route: Route
  readonly params: Readonly<Record<string, string>>
}

export interface Router {
  (method: string, pathname: string): Match
  /** The methods of a path, as `Allow` lists them. @throws Fault `not_found` */
  allowed(pathname: string): string
  /** Whether a route of the path answers OPTIONS itself. @throws Fault `not_found` */
  takesOptions(pathname: string): boolean
}

/**
 * Builds the route table once; the returned function finds the route of a request.
 *
 * @throws Fault `not_found` for an unknown path, `method_not_allowed` with `Allow` for a known one.
 */
export function createRouter(routes: readonly Route[]): Router {
  const table = routes.map((route) => ({ route, segments: `${BASE_PATH}${route.path}`.split('/') }))

  function matches(pathname: string): readonly Match[] {
    const segments = pathname.split('/')
    const here = table.flatMap(({ route, segments: pattern }) => {
      const params = matchSegments(pattern, segments)
      return params === undefined ? [] : [{ route, params }]
    })
    if (here.length === 0) throw new Fault('not_found')
    return here
  }

  function find(method: string, pathname: string): Match {
    const here = matches(pathname)
    const match =
      here.find(({ route }) => takes(route, method)) ??
      (method === 'HEAD' ? here.find(({ route }) => route.method === 'GET') : undefined)
    if (match === undefined) throw new Fault('method_not_allowed', { headers: { allow: allowed(here) } })
    return match
  }

  return Object.assign(find, {
    allowed: (pathname: string) => allowed(matches(pathname)),
    takesOptions: (pathname: string) => matches(pathname).some(({ route }) => takes(route, 'OPTIONS')),
  })
}

function takes(route: Route, method: string): boolean {
  return route.method === method || route.method === 'ANY'
}

function allowed(here: readonly Match[]): string {
  const methods = here.map(({ route }) => route.method)
  if (methods.includes('ANY')) return 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'
  const implied = methods.includes('GET') ? ['HEAD', 'OPTIONS'] : ['OPTIONS']
  return [...new Set([...methods, ...implied])].join(', ')
}

function matchSegments(
  pattern: readonly string[],
  segments: readonly string[],
): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index] ?? ''
    if (part.startsWith('{')) {
      const value = decode(segment)
      if (value === undefined || value === '') return undefined
      params[part.slice(1, -1)] = value
    } else if (part !== segment) {
      return undefined
    }
  }
  return params
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined // a stray percent sign names nothing we have
  }
}
