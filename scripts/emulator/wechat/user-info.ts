import { createCipheriv, createHash, randomBytes } from 'node:crypto'
import { Refusal } from './refusal.ts'
import type { Identity } from './identities.ts'
import type { World } from './world.ts'

/** What `wx.getUserInfo` gave to clients of older versions, made under the person's current session_key. */
export interface UserInfo {
  readonly rawData: string
  readonly signature: string
  readonly encryptedData: string
  readonly iv: string
}

const PROFILE = {
  nickName: '微信用户',
  gender: 0,
  language: 'zh_CN',
  city: '',
  province: '',
  country: '',
  avatarUrl: 'https://thirdwx.qlogo.cn/mmopen/vi_32/none/132',
}

/** @throws Refusal 87007 when the person has not logged in */
export function userInfo(
  world: World,
  identity: Identity,
  profile: Readonly<Record<string, unknown>> = {},
): UserInfo {
  const rawData = JSON.stringify({ ...PROFILE, ...profile })
  const { openid: openId, unionid: unionId } = identity
  const data = { openId, unionId, ...PROFILE, ...profile }
  return {
    rawData,
    signature: createHash('sha1')
      .update(rawData + sessionKeyOf(identity))
      .digest('hex'),
    ...encrypt(world, identity, data),
  }
}

/** What the phone button gave beside its code, and instead of it before. */
export function phoneInfo(
  world: World,
  identity: Identity,
  number: string,
): Pick<UserInfo, 'encryptedData' | 'iv'> {
  return encrypt(world, identity, { phoneNumber: number, purePhoneNumber: number, countryCode: '86' })
}

function encrypt(world: World, identity: Identity, data: Readonly<Record<string, unknown>>) {
  const watermark = { timestamp: Math.floor(world.clock() / 1_000), appid: world.appId }
  const iv = randomBytes(16)
  const cipher = createCipheriv('aes-128-cbc', Buffer.from(sessionKeyOf(identity), 'base64'), iv)
  const plain = JSON.stringify({ ...data, watermark })
  return {
    encryptedData: cipher.update(plain, 'utf8', 'base64') + cipher.final('base64'),
    iv: iv.toString('base64'),
  }
}

function sessionKeyOf({ sessionKey }: Identity): string {
  if (sessionKey === undefined) throw new Refusal(87007)
  return sessionKey
}
