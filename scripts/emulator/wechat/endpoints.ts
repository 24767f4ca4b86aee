import type { Call } from './call.ts'
import { checkMedia } from './check-media.ts'
import { checkText } from './check-text.ts'
import { login } from './login.ts'
import { phone } from './phone.ts'
import { riskRank } from './risk-rank.ts'
import { checkSession, resetSessionKey, userEncryptKey } from './session.ts'
import { sendSubscribeMessage } from './subscribe-messages.ts'
import { plainToken, stableToken } from './token.ts'

export interface Endpoint {
  readonly methods: readonly ('GET' | 'POST')[]
  /** Whether the access token in the query is checked first. */
  readonly wantsToken: boolean
  /** Calls a minute for the whole mini-program before 45011. */
  readonly perMinute: number
  /** The answer's fields. @throws Refusal */
  readonly answer: (call: Call) => Readonly<Record<string, unknown>>
}

const OPEN = { wantsToken: false, perMinute: Number.POSITIVE_INFINITY } as const
const TOKEN = { wantsToken: true, perMinute: Number.POSITIVE_INFINITY } as const

/** What the stand-in answers, by path. */
export const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  '/sns/jscode2session': { ...OPEN, methods: ['GET'], answer: login },
  '/cgi-bin/stable_token': { ...OPEN, methods: ['POST'], perMinute: 10_000, answer: stableToken },
  '/cgi-bin/token': { ...OPEN, methods: ['GET'], answer: plainToken },
  '/wxa/business/getuserphonenumber': { ...TOKEN, methods: ['POST'], answer: phone },
  '/wxa/checksession': { ...TOKEN, methods: ['GET'], answer: checkSession },
  '/wxa/resetusersessionkey': { ...TOKEN, methods: ['GET'], perMinute: 60_000, answer: resetSessionKey },
  '/wxa/business/getuserencryptkey': { ...TOKEN, methods: ['GET', 'POST'], answer: userEncryptKey },
  '/wxa/getuserriskrank': { ...TOKEN, methods: ['POST'], answer: riskRank },
  '/wxa/media_check_async': { ...TOKEN, methods: ['POST'], perMinute: 2_000, answer: checkMedia },
  '/cgi-bin/message/subscribe/send': { ...TOKEN, methods: ['POST'], answer: sendSubscribeMessage },
  '/wxa/msg_sec_check': { ...TOKEN, methods: ['POST'], perMinute: 4_000, answer: checkText },
}
