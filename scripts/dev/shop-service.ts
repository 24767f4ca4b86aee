import { randomBytes } from 'node:crypto'
import { readEnv } from '#shared/config/read-env.ts'
import type { Service } from './local-services.ts'

export interface ShopService extends Service {
  /** What the functions need to reach it. */
  readonly settings: Readonly<Record<string, string>>
}

/** Short ones, since a developer waits for what happens when somebody is not there. */
const RETRY_S = '1,2'

/**
 * Who is told of what happens: the webhook of the environment, else a shop of our own that shows what it was told.
 *
 * @throws TypeError where it has the webhook's secret alone, which the shop's would hide
 */
export async function shop(env: Readonly<Record<string, string>>): Promise<ShopService> {
  const { OUTBOX_RETRY_S: retryS = RETRY_S } = env
  const given = readEnv(env, (read) =>
    read.optional('WEBHOOK_URL', () => read.text('WEBHOOK_URL'), ['WEBHOOK_SECRET']),
  )
  if (given !== undefined)
    return { url: undefined, about: `${given} (WEBHOOK_URL)`, settings: {}, stop: async () => {} }
  const { startShop } = await import('#scripts/emulator/shop/start-shop.ts')
  const key = randomBytes(32)
  const server = await startShop({ key })
  return {
    url: server.url,
    about: `what it was told: curl -s ${server.url}/deliveries`,
    settings: {
      WEBHOOK_URL: `${server.url}/hook`,
      WEBHOOK_SECRET: `whsec_${key.toString('base64')}`,
      OUTBOX_RETRY_S: retryS,
    },
    stop: () => server.stop(),
  }
}
