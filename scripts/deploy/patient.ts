import { setTimeout as delay } from 'node:timers/promises'

const MAX_TRIES = 6
const FIRST_PAUSE_MS = 200
const THROTTLED =
  /^(Throttling|RequestLimitExceeded|TooManyRequests|ServiceUnavailable|InternalServerError|InternalError)/
const BUSY =
  /^(ConcurrentUpdateError|ResourceInUse\.|FailedOperation\.FunctionStatusError|FailedOperation\.\w*Status)/
const REFUSED =
  /^(SignatureDoesNotMatch|InvalidAccessKeyId|AuthFailure|InvalidCredential|MissingRequiredHeader|InvalidTimeStamp|InvalidSecurityToken)/

/** A call that a cloud refused, with what it said. */
export class CloudRefusal extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/**
 * A call of a vendor's SDK: tried again, with longer pauses, while the cloud is too busy to take it.
 *
 * @throws CloudRefusal in words for the person at the terminal
 */
export async function patient<T>(
  action: string,
  call: () => Promise<T>,
  pauseMs = FIRST_PAUSE_MS,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await call()
    } catch (error) {
      const { code, message } = told(error)
      const isWorthIt = THROTTLED.test(code) || BUSY.test(code) || isUnreached(code)
      if (!isWorthIt || tries === MAX_TRIES) throw new CloudRefusal(code, sentence(action, code, message))
      await delay(pauseMs * 2 ** (tries - 1) * (0.75 + Math.random() / 2))
    }
  }
}

/** What `call` answers, or nothing where the cloud says that there is no such thing. */
export async function ifThere<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (error instanceof CloudRefusal && isMissing(error.code)) return undefined
    throw error
  }
}

function isMissing(code: string): boolean {
  return /NotFound$|^ResourceNotFound(\.|$)/.test(code) && !REFUSED.test(code)
}

function isUnreached(code: string): boolean {
  return /^(ECONNRESET|ECONNREFUSED|EPIPE|ETIMEDOUT|UND_ERR_SOCKET|ConnectionRefused|ConnectionClosed|NetworkError)/.test(
    code,
  )
}

function told(error: unknown): { readonly code: string; readonly message: string } {
  if (!(error instanceof Error)) return { code: '', message: String(error) }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name
  return { code, message: error.message }
}

function sentence(action: string, code: string, message: string): string {
  const said = message.startsWith(code) ? message : `${code}: ${message}`
  if (REFUSED.test(code))
    return `${action}: the cloud does not take these credentials. Check the key, its secret and this machine's clock (${said})`
  if (THROTTLED.test(code))
    return `${action}: the cloud is still too busy after ${MAX_TRIES} tries; run this again later (${said})`
  if (isUnreached(code)) return `${action}: the cloud cannot be reached (${said})`
  return `${action}: ${said}`
}
