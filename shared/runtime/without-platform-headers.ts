/** What a platform and a process tell each other; a role's credentials are among them. */
const PLATFORM_HEADER = /^x-(fc|scf)-/

/** The request as the client sent it: what its platform added is in the invocation, or none of an app's business. */
export function withoutPlatformHeaders(request: Request): Request {
  const names = [...request.headers.keys()].filter((name) => PLATFORM_HEADER.test(name))
  for (const name of names) request.headers.delete(name)
  return request
}
