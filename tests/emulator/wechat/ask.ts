import { afterAll, beforeEach } from '@jest/globals'
import {
  startWechat,
  type WechatStandIn,
  type WechatStandInOptions,
} from '#scripts/emulator/wechat/start-wechat.ts'

export const APP_ID = 'wx0123456789abcdef'
export const APP_SECRET = 'a-secret-of-the-stand-in'

export type Fields = Readonly<Record<string, unknown>>

/** A stand-in whose clock a test turns, with short ways to call it. */
export interface Asker {
  now: number
  readonly standIn: WechatStandIn
  get(path: string, query?: Readonly<Record<string, string>>): Promise<Fields>
  post(path: string, body: unknown, query?: Readonly<Record<string, string>>): Promise<Fields>
  logIn(code: string): Promise<Fields>
  token(): Promise<string>
}

export const START = Date.UTC(2026, 10, 23, 4, 0, 10)

type AskerOptions = Pick<
  WechatStandInOptions,
  'loginsPerMinute' | 'pushTimeoutMs' | 'pushPauseMs' | 'mediaCheckMs'
>

/** One stand-in for a whole file, reset before each test. */
export async function startAsker(options: AskerOptions = {}): Promise<Asker> {
  const standIn = await startWechat({ appId: APP_ID, secret: APP_SECRET, clock: () => asker.now, ...options })

  async function ask(
    path: string,
    query: Readonly<Record<string, string>>,
    init: RequestInit,
  ): Promise<Fields> {
    const response = await fetch(`${standIn.url}${path}?${new URLSearchParams(query).toString()}`, init)
    const value: unknown = await response.json()
    if (response.status !== 200 || typeof value !== 'object') throw new TypeError(`HTTP ${response.status}`)
    return { ...value }
  }

  const asker: Asker = {
    now: START,
    standIn,
    get: (path, query = {}) => ask(path, query, {}),
    post: (path, body, query = {}) => ask(path, query, { method: 'POST', body: JSON.stringify(body) }),
    logIn: (code) =>
      asker.get('/sns/jscode2session', {
        appid: APP_ID,
        secret: APP_SECRET,
        js_code: code,
        grant_type: 'authorization_code',
      }),
    token: async () => String((await asker.post('/cgi-bin/stable_token', TOKEN_REQUEST))['access_token']),
  }
  beforeEach(() => {
    asker.now = START
    standIn.control.reset()
  })
  afterAll(() => standIn.stop())
  return asker
}

export const TOKEN_REQUEST = { grant_type: 'client_credential', appid: APP_ID, secret: APP_SECRET }
