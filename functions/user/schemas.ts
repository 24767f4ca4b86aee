import * as v from 'valibot'
import { pageQuery } from '#shared/http/page-query.ts'
import { printableText } from '#shared/http/printable-text.ts'

const code = v.pipe(v.string(), v.minLength(1), v.maxLength(256))
const base64 = v.pipe(v.string(), v.maxLength(8192), v.base64())
export const nickname = printableText(32)
const gender = v.picklist(['unknown', 'male', 'female'])
export const locale = v.pipe(
  v.string(),
  v.maxLength(35),
  v.regex(/^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$/, 'expected a language tag, as zh-CN'),
)
const role = v.pipe(
  v.string(),
  v.regex(/^[a-z][a-z0-9_]{0,30}$/, 'expected lower-case letters, digits and _'),
)
const roles = v.pipe(
  v.array(role),
  v.maxLength(8),
  v.transform((names) => [...new Set(names)]),
)
const phone = v.pipe(v.string(), v.regex(/^\+[1-9]\d{6,14}$/, 'expected E.164, as +8613800000001'))

export const Profile = v.strictObject({
  nickname: v.optional(v.nullable(nickname)),
  avatarFileId: v.optional(v.nullable(v.pipe(v.string(), v.uuid()))),
  gender: v.optional(gender),
  locale: v.optional(v.nullable(locale)),
})

export const Deletion = v.strictObject({
  /** A fresh wx.login code, needed when the session is older than five minutes. */
  loginCode: v.optional(code),
})

export const PhoneBinding = v.union([
  v.strictObject({ code, loginCode: v.optional(code) }),
  v.strictObject({ encryptedData: base64, iv: base64, loginCode: v.optional(code) }),
])

/** What wx.getUserInfo gave to clients before 2022-11: signed raw data, encrypted data, or both. */
export const WechatProfile = v.union([
  v.strictObject({
    rawData: v.pipe(v.string(), v.maxLength(8192)),
    signature: v.pipe(v.string(), v.regex(/^[0-9a-f]{40}$/, 'expected 40 hexadecimal digits')),
  }),
  v.strictObject({ encryptedData: base64, iv: base64 }),
])

export const UserList = v.strictObject({
  ...pageQuery,
})

export const UserSearch = v.strictObject({ phone })

export const NewUser = v.strictObject({
  /** The openid in this mini-program, when it is known; the person's first login then finds this user. */
  openid: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{16,64}$/, 'expected an openid'))),
  nickname: v.optional(nickname),
  gender: v.optional(gender),
  locale: v.optional(locale),
  phone: v.optional(phone),
  roles: v.optional(roles),
})

export const UserAdministration = v.strictObject({
  status: v.optional(v.picklist(['active', 'banned'])),
  roles: v.optional(roles),
})
