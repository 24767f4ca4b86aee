import { paySettings } from '#scripts/emulator/wechat-pay/account.ts'
import { readEnv } from '#shared/config/read-env.ts'
import type { Service } from './local-services.ts'

/** Only the path counts: the stand-in is told where the API is. */
const NOTIFY_URL = 'http://127.0.0.1/api/v1/callback/wechat-pay'

/** Short, since a developer waits for what becomes of a payment that nobody told. */
export const POLL_S = '2'

export interface PayService extends Service {
  /** What the functions need to reach it. */
  readonly settings: Readonly<Record<string, string>>
  /** Has payments told to the functions behind `api`. */
  notifyAt(api: string): void
}

/**
 * WeChat Pay: the real one when the environment has a merchant, else the stand-in.
 *
 * @throws TypeError where it has something of a merchant, which the stand-in's would hide
 */
export async function wechatPay(env: Readonly<Record<string, string>>, appId: string): Promise<PayService> {
  const { ORDER_POLL_S: pollS = POLL_S } = env
  const ofAMerchant = Object.keys(env).filter((name) => name.startsWith('WECHAT_PAY_'))
  const mchId = readEnv(env, (read) =>
    read.optional('WECHAT_PAY_MCH_ID', () => read.text('WECHAT_PAY_MCH_ID'), ofAMerchant),
  )
  if (mchId !== undefined) {
    const about = `the real one, merchant ${mchId}`
    return { url: undefined, about, settings: {}, notifyAt: () => {}, stop: async () => {} }
  }
  const { startWechatPay } = await import('#scripts/emulator/wechat-pay/start-wechat-pay.ts')
  const server = await startWechatPay({ appId })
  return {
    url: server.url,
    about: `stand-in at ${server.url}`,
    settings: {
      ...paySettings(server.account),
      WECHAT_PAY_BASE_URL: server.url,
      WECHAT_PAY_NOTIFY_URL: NOTIFY_URL,
      ORDER_POLL_S: pollS,
    },
    notifyAt: (api) => server.notifyAt(api),
    stop: () => server.stop(),
  }
}
