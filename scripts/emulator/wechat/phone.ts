import type { Call } from './call.ts'
import { Refusal } from './refusal.ts'

const COUNTRY_CODE = '86'

/** POST /wxa/business/getuserphonenumber */
export function phone({ body, world }: Call) {
  const { code, openid } = body
  if (typeof code !== 'string' || code === '') throw new Refusal(41008)
  const grant = world.phoneCodes.redeem(code)
  const anotherUser = openid !== undefined && grant.openid !== undefined && openid !== grant.openid
  if (anotherUser) throw new Refusal(40029)
  return {
    errcode: 0,
    errmsg: 'ok',
    phone_info: {
      phoneNumber: grant.number,
      purePhoneNumber: grant.number,
      countryCode: COUNTRY_CODE,
      watermark: { timestamp: Math.floor(world.clock() / 1_000), appid: world.appId },
    },
  }
}
