import * as v from 'valibot'

const deviceText = v.optional(v.pipe(v.string(), v.maxLength(128)))

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
