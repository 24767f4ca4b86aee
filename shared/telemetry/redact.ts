const MAX_DEPTH = 6
const MAX_TEXT = 2_000

/** Names whose values never reach a log, whatever they hold. */
const SECRET_NAME =
  /token|secret|password|passwd|authorization|cookie|session_?key|signing|signature|encrypt|private|^key$|apikey|phone|openid|unionid|js_?code|^code$|^iv$|^nonce$/i

/** Shapes of secrets inside free text: JWTs, bearer values, credentials in URLs and queries, mainland phone numbers. */
const SECRET_TEXT: readonly (readonly [RegExp, string])[] = [
  [/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, '[token]'],
  [/\b(bearer)\s+[^\s"',]+/gi, '$1 [secret]'],
  [
    /\b((?:app)?secret|access_token|session_key|js_code|signature|password|openid)=[^&\s"']+/gi,
    '$1=[secret]',
  ],
  [
    /"((?:app)?secret|access_token|session_key|js_code|signature|password|openid)"\s*:\s*"[^"]*"/gi,
    '"$1":"[secret]"',
  ],
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@:]*:[^\s/@]+@/gi, '$1[secret]@'],
  [/(?<![\w.])(?:\+?86)?1[3-9]\d{9}(?![\w.])/g, '[phone]'],
]

/** A copy of `value` that is safe to log: secrets hidden by name and by shape, errors with their cause chain, bounded. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value)
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value
  if (depth >= MAX_DEPTH) return '[deep]'
  if (value instanceof Error) return redactError(value, depth)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (Array.isArray(value)) return value.slice(0, 50).map((item) => redact(item, depth + 1))
  if ('toJSON' in value && typeof value.toJSON === 'function') return redact(value.toJSON(), depth + 1)
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      SECRET_NAME.test(name) && item !== undefined && item !== null && typeof item !== 'boolean'
        ? '[secret]'
        : redact(item, depth + 1),
    ]),
  )
}

function redactText(text: string): string {
  const clean = SECRET_TEXT.reduce((result, [pattern, instead]) => result.replace(pattern, instead), text)
  return clean.length > MAX_TEXT ? `${clean.slice(0, MAX_TEXT)}…` : clean
}

function redactError(error: Error, depth: number): Record<string, unknown> {
  const code = 'code' in error ? error.code : undefined
  return {
    name: error.name,
    message: redactText(error.message),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(error.stack === undefined ? {} : { stack: redactText(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: redact(error.cause, depth + 1) }),
  }
}
