import * as v from 'valibot'
import { insertAudit } from '#shared/db/tables/audit.ts'
import { type UserChange, updateUser } from '#shared/db/tables/users.ts'
import { deleteFilesOf } from '#shared/files/delete-files-of.ts'
import type { Purpose } from '#shared/files/purposes.ts'
import { validate } from '#shared/http/validate.ts'
import type { PushedMessage } from '#shared/wechat/pushed-message.ts'
import type { EventCall, EventHandler } from './events.ts'
import { lockPerson, openid } from './lock-person.ts'

const Subject = v.looseObject({ OpenID: openid })
const Revocation = v.looseObject({
  OpenID: openid,
  RevokeInfo: v.pipe(v.string(), v.regex(/^\s*\d{1,4}(?:\D+\d{1,4})*\s*$/), v.maxLength(200)),
})

/** What is erased of a user. */
interface Erased {
  readonly columns?: UserChange
  /** Whose files go. */
  readonly purposes?: readonly Purpose[]
}

const NICKNAME = { nickname: null } as const
const PHONE = { phone_encrypted: null, phone_index: null, phone_masked: null } as const
const AVATAR = { columns: { avatar_file_id: null }, purposes: ['avatar'] } as const
const PROFILE: Erased = { columns: { ...NICKNAME, ...AVATAR.columns }, purposes: AVATAR.purposes }

/**
 * RevokeInfo → what we have by it. The other codes (plate, address, invoice, Bluetooth, camera, steps, location, email)
 * are of what this backend does not keep; keep it, and it belongs here.
 *
 * @see https://developers.weixin.qq.com/miniprogram/dev/framework/security.html
 */
const REVOKED: Readonly<Record<string, Erased>> = {
  5: { purposes: ['audio'] },
  6: PROFILE,
  8: { columns: PHONE },
  14: { purposes: ['image', 'video'] },
  15: { purposes: ['document'] },
  19: { columns: NICKNAME },
  20: AVATAR,
}

/** user_authorization_revoke: a user takes back what they let the mini-program have, and wants it erased. */
export const userRevoked: EventHandler = async ({ fields }, call, signal) => {
  const { OpenID, RevokeInfo } = validate(Revocation, fields)
  const codes = RevokeInfo.match(/\d+/g) ?? []
  const erased = codes.flatMap((code) => REVOKED[code] ?? [])
  await erase(call, { openid: OpenID, erased, audit: { action: 'user.revoked', codes } }, signal)
}

/** user_info_modified: WeChat found fault with a profile, and cleared it. */
export const profileModified: EventHandler = async ({ fields }, call, signal) => {
  const { OpenID } = validate(Subject, fields)
  await erase(call, { openid: OpenID, erased: [PROFILE], audit: { action: 'user.profile_cleared' } }, signal)
}

/** user_authorization_cancellation: a user has closed their account with WeChat. The one here is closed, too. */
export const accountCancelled: EventHandler = async ({ fields }: PushedMessage, call, signal) => {
  const user = await lockPerson(call, validate(Subject, fields).OpenID, signal)
  if (user === undefined) return undefined
  const { sql, requestId, clientIp: ip } = call
  const closing = { userId: user.id, actorId: null, ip, requestId, way: 'wechat' }
  return call.closeAccount(sql, closing, signal)
}

async function erase(
  call: EventCall,
  {
    openid,
    erased,
    audit: { action, ...details },
  }: {
    readonly openid: string
    readonly erased: readonly Erased[]
    readonly audit: { readonly action: string; readonly codes?: readonly string[] }
  },
  signal: AbortSignal,
): Promise<void> {
  const user = await lockPerson(call, openid, signal)
  if (user === undefined) return
  const { sql, now, requestId } = call
  for (const { columns } of erased)
    if (columns !== undefined) await updateUser(sql, user.id, { ...columns, updated_at: now }, signal)
  const purposes = [...new Set(erased.flatMap((each) => each.purposes ?? []))]
  await deleteFilesOf(sql, { userId: user.id, purposes, now }, signal)
  await insertAudit(sql, { action, actorId: null, subjectId: user.id, requestId, details }, now, signal)
}
