import * as v from 'valibot'

const code = v.pipe(v.string(), v.minLength(1), v.maxLength(256))
const base64 = v.pipe(v.string(), v.maxLength(8192), v.base64())
/** No control, format, surrogate or line-separator characters, which hide or disguise text. */
const PRINTABLE = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+$/u

export const nickname = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(32), v.regex(PRINTABLE))
const gender = v.picklist(['unknown', 'male', 'female'])
export const locale = v.pipe(v.string(), v.maxLength(35), v.regex(/^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$/))
const role = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_]{0,30}$/))
const roles = v.pipe(v.array(role), v.maxLength(8))
const phone = v.pipe(v.string(), v.regex(/^\+[1-9]\d{6,14}$/))

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
    signature: v.pipe(v.string(), v.regex(/^[0-9a-f]{40}$/)),
  }),
  v.strictObject({ encryptedData: base64, iv: base64 }),
])

export const UserList = v.strictObject({
  limit: v.optional(
    v.pipe(v.string(), v.regex(/^\d{1,3}$/), v.transform(Number), v.minValue(1), v.maxValue(100)),
    '20',
  ),
  cursor: v.optional(v.pipe(v.string(), v.maxLength(128))),
})

export const UserSearch = v.strictObject({ phone })

export const NewUser = v.strictObject({
  /** The openid in this mini-program, when it is known; the person's first login then finds this user. */
  openid: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{16,64}$/))),
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
