import * as v from 'valibot'
import { printableText } from '#shared/http/printable-text.ts'

const deviceText = v.optional(printableText(128))

export const SignIn = v.strictObject({
  code: v.pipe(v.string(), v.minLength(1), v.maxLength(256)),
  device: v.optional(v.strictObject({ id: deviceText, model: deviceText, platform: deviceText })),
})

export const Refresh = v.strictObject({
  refreshToken: v.pipe(v.string(), v.minLength(1), v.maxLength(2048)),
})

export const SignOut = v.strictObject({
  everywhere: v.optional(v.boolean()),
})
