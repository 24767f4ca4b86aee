import { Fault } from '#shared/errors.ts'

const KEY_FORM = /^[\x21-\x7e]{1,255}$/

/** The request's `Idempotency-Key`. @throws Fault validation_failed for one that is none */
export function clientKeyOf(headers: Headers): string | undefined {
  const key = headers.get('idempotency-key')
  if (key === null || KEY_FORM.test(key)) return key ?? undefined
  const message = 'expected 1 to 255 visible ASCII characters'
  throw new Fault('validation_failed', { details: [{ path: 'Idempotency-Key', message }] })
}
