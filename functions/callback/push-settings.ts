import { type Secret, secret } from '#shared/secret.ts'

/** The console's own rule. */
const TOKEN = /^[A-Za-z0-9]{3,32}$/
const AES_KEY = /^[A-Za-z0-9]{43}$/
/** 43 random characters of 62 have fewer with a chance below 2^-50; a typed key, as in examples, does not. */
const MIN_DISTINCT = 15

/** Reads the token that WeChat signs its pushes with. @throws TypeError that says what is wrong, without the value */
export function parsePushToken(text: string): Secret {
  if (!TOKEN.test(text)) throw new TypeError('must be 3 to 32 letters and digits, as in the WeChat console')
  return secret(text)
}

/** Reads the EncodingAESKey. @throws TypeError that says what is wrong, without the value */
export function parsePushAesKey(text: string): Secret {
  if (!AES_KEY.test(text)) throw new TypeError('must be 43 letters and digits, as in the WeChat console')
  if (new Set(text).size < MIN_DISTINCT)
    throw new TypeError('is not random (let the WeChat console generate one)')
  return secret(text)
}
