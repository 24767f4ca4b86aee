import type { ErrorName } from '#shared/errors.ts'

/** What an errcode asks of us. */
export interface Errcode {
  /** `busy`: may be tried again when the call is repeatable. `token`: get another access token, once. */
  readonly kind: 'busy' | 'token' | 'quota' | 'operator' | 'final'
  readonly fault: ErrorName
  /** Tells the client what to do where the fault alone does not. */
  readonly reason?: string
  /** Tells the operator what to do; its presence means one error line in the log. */
  readonly advice?: string
}

export type Errcodes = Readonly<Record<number, Errcode>>

const BUSY: Errcode = { kind: 'busy', fault: 'upstream_failed' }
const TOKEN: Errcode = { kind: 'token', fault: 'upstream_failed' }
const MINUTE_QUOTA: Errcode = { kind: 'quota', fault: 'rate_limited' }
/** Only a new wx.login helps; the token is fine, so this is no 401, which a client answers with a refresh. */
const STALE_SESSION: Errcode = { kind: 'final', fault: 'forbidden', reason: 'wechat_session_stale' }

function operator(advice: string): Errcode {
  return { kind: 'operator', fault: 'upstream_failed', advice }
}

/** The table for every call; a call adds or overrides what it knows better. */
export const ERRCODES: Errcodes = {
  [-1]: BUSY,
  40001: TOKEN,
  40014: TOKEN,
  41001: TOKEN,
  42001: TOKEN,
  45011: MINUTE_QUOTA,
  44991: MINUTE_QUOTA,
  45009: operator('The daily quota is used up: wait for midnight in Beijing or call clear_quota'),
  40013: operator('WECHAT_APP_ID is not a mini-program that WeChat knows'),
  41002: operator('WECHAT_APP_ID is empty'),
  40125: operator('WECHAT_APP_SECRET is wrong: copy it again from the mini-program console'),
  41004: operator('WECHAT_APP_SECRET is empty'),
  40243: operator('WECHAT_APP_SECRET is frozen: unfreeze it in the mini-program console'),
  40164: operator('Add the outgoing IP to the allow-list in the mini-program console'),
  61004: operator('Add the outgoing IP to the allow-list in the mini-program console'),
  89503: operator('The administrator must confirm this IP in WeChat'),
  89506: operator('The administrator refused this IP: ask again after 24 hours'),
  89507: operator('The administrator refused this IP: ask again after 1 hour'),
  50004: operator('The mini-program may not call this interface'),
  50007: operator('The account is frozen'),
  48001: operator('The mini-program has no permission for this interface'),
  48004: operator('This interface is blocked for the mini-program'),
  40002: operator('The request is wrong: this version of the backend has a mistake'),
  43002: operator('The request is wrong: this version of the backend has a mistake'),
  47001: operator('The request is wrong: this version of the backend has a mistake'),
  40003: { kind: 'final', fault: 'validation_failed', reason: 'openid_unknown' },
  43104: { kind: 'final', fault: 'validation_failed', reason: 'openid_unknown' },
  40129: { kind: 'final', fault: 'validation_failed', reason: 'scene_unknown' },
  40029: { kind: 'final', fault: 'validation_failed', reason: 'wechat_code_invalid' },
  40163: { kind: 'final', fault: 'validation_failed', reason: 'wechat_code_invalid' },
  40226: { kind: 'final', fault: 'risk_denied' },
  61010: { ...STALE_SESSION, reason: 'wechat_visit_too_old' },
  87007: STALE_SESSION,
  87008: STALE_SESSION,
  87009: STALE_SESSION,
}

/** Never met in the documentation: worth a look, and no reason to try again. */
export const UNKNOWN_ERRCODE: Errcode = operator('WeChat answered an errcode that this version does not know')
