/** The shortest limit of the three, that of COS. */
const MAX_KEY_BYTES = 850

// oxlint-disable-next-line no-control-regex -- control characters are what it is for
const CONTROL = /[\u0000-\u001f\u007f]/

/** The key as it is. @throws TypeError for one that not every store takes, or that a URL parser would change (`..`). */
export function requireKey(key: string): string {
  const fault = keyFault(key)
  if (fault !== undefined) throw new TypeError(`Cannot use the object key: it ${fault}`)
  return key
}

function keyFault(key: string): string | undefined {
  if (key === '') return 'is empty'
  if (!key.isWellFormed()) return 'is not well-formed Unicode'
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) return `is longer than ${MAX_KEY_BYTES} bytes`
  if (CONTROL.test(key)) return 'contains a control character'
  if (key.startsWith('\\')) return 'begins with a backslash'
  const strange = key.split('/').some((part) => part === '' || part === '.' || part === '..')
  return strange ? 'contains an empty segment, "." or ".."' : undefined
}
