import * as v from 'valibot'
import type { Identities, KeptSession } from './identities.ts'
import type { InvokeCaller } from './caller-options.ts'
import { userKeySigner } from './user-key.ts'

/** A caller as requests need it. */
export interface Caller {
  readonly token?: string
  readonly kid?: string
  readonly key?: Uint8Array
  readonly sessionId?: string
}

/** Signs people in, looks partners up. */
export async function callerOf(caller: InvokeCaller, identities: Identities): Promise<Caller> {
  if (caller.kind === 'token') return { token: caller.token }
  if (caller.kind === 'partner') return identities.partner(caller.kid)
  if (caller.kind === 'login') return sessionCaller(await identities.session(caller.name))
  if (caller.kind === 'nobody') return {}
  // WeChat knows the server by the session_key of the latest login, so an older session's would be refused.
  const { accessToken: token } = await identities.newSession(caller.name)
  const { sid: sessionId, aud: appId } = claimsOf(token)
  return { token, sessionId, ...(await userKeySigner(caller, { sessionId, appId })) }
}

function sessionCaller({ accessToken: token, signing }: KeptSession): Caller {
  const { sid: sessionId } = claimsOf(token)
  return { token, sessionId, kid: signing.kid, key: Buffer.from(signing.key, 'base64url') }
}

const Claims = v.object({
  /** Part of what is signed. */
  sid: v.string(),
  /** The mini-program's appid. */
  aud: v.optional(v.string(), ''),
})

function claimsOf(token: string): v.InferOutput<typeof Claims> {
  const claims = v.safeParse(
    Claims,
    JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()),
  )
  if (!claims.success) throw new TypeError('The access token has no claim sid')
  return claims.output
}
