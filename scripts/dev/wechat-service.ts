import type { Service } from './local-services.ts'

export const LOCAL_APP_ID = 'wx0000000000000dev'
const LOCAL_APP_SECRET = 'f0d1c2b3a495867768594a3b2c1d0e0f' // the stand-in's, worth nothing anywhere else
const PUSH_PATH = '/api/v1/callback/wechat-message'

export interface WechatService extends Service {
  /** What the functions need to reach it. */
  readonly settings: Readonly<Record<string, string>>
  readonly isReal: boolean
  /** Has what WeChat pushes go to the functions behind `api`, which have these settings. The real one is told by its console. */
  pushTo(api: string, settings: Readonly<Record<string, string>>): void
}

/** WeChat: the real one when the environment has an app's id and secret, else the stand-in. */
export async function wechat(env: Readonly<Record<string, string>>): Promise<WechatService> {
  const { WECHAT_APP_ID: appId, WECHAT_APP_SECRET: secret } = env
  if (appId !== undefined && secret !== undefined) {
    const about = `the real one, app ${appId}`
    return { url: undefined, about, settings: {}, isReal: true, pushTo: () => {}, stop: async () => {} }
  }
  const { startWechat } = await import('#scripts/emulator/wechat/start-wechat.ts')
  const server = await startWechat({ appId: LOCAL_APP_ID, secret: LOCAL_APP_SECRET })
  const settings = {
    WECHAT_APP_ID: LOCAL_APP_ID,
    WECHAT_APP_SECRET: LOCAL_APP_SECRET,
    WECHAT_BASE_URL: server.url,
    // Somebody has to be the first admin: who signs in with the code dev-admin.
    ADMIN_OPENIDS: env['ADMIN_OPENIDS'] ?? server.control.mintLoginCode('admin').openid,
  }
  return {
    url: server.url,
    about: `stand-in at ${server.url}`,
    settings,
    isReal: false,
    pushTo: (api, { WECHAT_PUSH_TOKEN: token = '', WECHAT_PUSH_AES_KEY: encodingAesKey = '' }) => {
      const mode = encodingAesKey === '' ? 'plain' : 'secure'
      server.control.pushTo({ url: `${api}${PUSH_PATH}`, token, encodingAesKey, mode, format: 'json' })
    },
    stop: () => server.stop(),
  }
}
