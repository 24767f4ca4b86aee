import { parsePartnerKeys, type PartnerKey } from '#shared/signing/partner-keys.ts'
import { OWN_PARTNER } from '#scripts/keys/generate-secrets.ts'
import type { Service } from './local-services.ts'
import { POLL_S } from './pay-service.ts'

export interface PartnerService extends Service {
  /** What the functions need for it to take the money; none where WeChat Pay does. */
  readonly settings: Readonly<Record<string, string>>
  /** Has payments told to the functions behind `api`. */
  notifyAt(api: string): void
}

/**
 * The partner of PAYMENT_PARTNER, or the one that every local cloud has a key of: the real one when the environment has
 * its address, else a stand-in. `env` has PARTNER_KEYS.
 */
export async function partner(env: Readonly<Record<string, string>>): Promise<PartnerService> {
  const { PAYMENT_PARTNER: chosen, PAYMENT_PARTNER_URL: given, ORDER_POLL_S: pollS = POLL_S } = env
  const name = chosen ?? OWN_PARTNER
  if (given !== undefined) return absent(`${given} (PAYMENT_PARTNER_URL)`)
  const key = keyOf(name, env['PARTNER_KEYS'] ?? '')
  if (key === undefined) return absent(`none, since PARTNER_KEYS has no key of ${name}`)
  const { startPartner } = await import('#scripts/emulator/partner/start-partner.ts')
  const server = await startPartner({ key })
  const use = chosen === undefined ? `PAYMENT_PARTNER=${name} has orders paid there` : 'orders are paid there'
  return {
    url: server.url,
    about: `${name}, stand-in at ${server.url}; ${use}`,
    settings:
      chosen === undefined
        ? {}
        : {
            PAYMENT_PARTNER_URL: server.url,
            // Only the path counts: the stand-in is told where the API is.
            PAYMENT_PARTNER_NOTIFY_URL: `http://127.0.0.1/api/v1/callback/${name}`,
            ORDER_POLL_S: pollS,
          },
    notifyAt: (api) => server.notifyAt(api),
    stop: () => server.stop(),
  }
}

function absent(about: string): PartnerService {
  return { url: undefined, about, settings: {}, notifyAt: () => {}, stop: async () => {} }
}

/** What is wrong with the keys, the functions say. */
function keyOf(name: string, keys: string): PartnerKey | undefined {
  try {
    return parsePartnerKeys(keys).of(name)[0]
  } catch {
    return undefined
  }
}
