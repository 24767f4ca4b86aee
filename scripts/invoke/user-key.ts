import * as v from 'valibot'
import { type UserKeyFacts, userSigningKey } from '#shared/signing/user-signing-key.ts'
import { ask } from './ask.ts'

const UserKey = v.object({
  encryptKey: v.pipe(v.string(), v.base64()),
  version: v.pipe(v.number(), v.integer()),
})

/**
 * Signs with the key that the mini-program gets by `wx.getUserCryptoManager().getLatestUserKey()`; the stand-in is asked
 * in its place.
 *
 * @throws Error in plain words when nothing at `wechatUrl` gives one
 */
export async function userKeySigner(
  { name, wechatUrl }: { readonly name: string; readonly wechatUrl: string },
  session: Omit<UserKeyFacts, 'version'>,
): Promise<{ readonly kid: string; readonly key: Uint8Array }> {
  const url = `${wechatUrl}/_control/user-keys`
  const { status, body } = await ask(new Request(url, { method: 'POST', body: JSON.stringify({ name }) }))
  const answer = v.safeParse(v.pipe(v.string(), v.parseJson(), UserKey), body)
  if (!answer.success)
    throw new Error(`${wechatUrl} gives no user key (${status}): is it the WeChat stand-in's address?`)
  const { encryptKey, version } = answer.output
  const key = userSigningKey(Buffer.from(encryptKey, 'base64'), { ...session, version })
  return { kid: `wx.${version}`, key }
}
