import { createCallbackApp } from '#functions/callback/callback-app.ts'
import { descriptions as callback } from '#functions/callback/openapi.ts'
import { createLoginApp } from '#functions/login/login-app.ts'
import { descriptions as login } from '#functions/login/openapi.ts'
import { descriptions as order } from '#functions/order/openapi.ts'
import { createOrderApp } from '#functions/order/order-app.ts'
import { descriptions as rateCheck } from '#functions/rate-check/openapi.ts'
import { createRateCheckApp } from '#functions/rate-check/rate-check-app.ts'
import { descriptions as upload } from '#functions/upload/openapi.ts'
import { createUploadApp } from '#functions/upload/upload-app.ts'
import { descriptions as user } from '#functions/user/openapi.ts'
import { createUserApp } from '#functions/user/user-app.ts'
import { generateSecrets } from '#scripts/keys/generate-secrets.ts'
import { systemClock } from '#shared/clock.ts'
import { openDatabase } from '#shared/db/open-database.ts'
import { parseKey, parseKeyring } from '#shared/keyring.ts'
import type { PaymentProvider } from '#shared/payments/provider.ts'
import { secret } from '#shared/secret.ts'
import { createOutbound } from '#shared/outbound/outbound.ts'
import { openState } from '#shared/state/open-state.ts'
import { openStorage } from '#shared/storage/open-storage.ts'
import { readStorageUrl } from '#shared/storage/storage-address.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { parseTokenKeys } from '#shared/tokens/token-keys.ts'
import { createWechat } from '#shared/wechat/wechat.ts'
import type { DescribedFunction } from './openapi-document.ts'

const none = () => Promise.reject(new TypeError('Nobody pays for documentation'))
const NO_PROVIDER: PaymentProvider = {
  name: 'none',
  prepare: none,
  payment: () => ({}),
  query: none,
  close: none,
  refund: none,
  queryRefund: none,
}

/** Every function's routes beside their descriptions. The apps are made as ever; nothing is opened until a request. */
export function describedFunctions(): readonly DescribedFunction[] {
  const keys = generateSecrets()
  const database = openDatabase({
    url: new URL('postgres://127.0.0.1/none'),
    poolSize: 1,
    clock: systemClock,
  })
  const state = openState({ postgres: database })
  const logger = createLogger()
  const app = { baseUrl: 'http://127.0.0.1', appId: 'wx0000000000000000', secret: secret('none') }
  const wechat = createWechat({
    ...app,
    outbound: createOutbound({ logger }),
    state,
    logger,
    clock: systemClock,
  })
  const storage = openStorage({
    at: readStorageUrl('s3://none?region=none'),
    credentials: () => ({ accessKeyId: 'none', secretKey: secret('none') }),
  })
  const payments = {
    mchId: 'none',
    platformKeys: new Map(),
    apiKey: secret('none'),
    tell: async () => {},
    deliver: async () => {},
  }
  const parts = {
    appId: app.appId,
    adminOpenids: [],
    issuer: 'xiaohan',
    tokenKeys: parseTokenKeys(keys.TOKEN_KEYS),
    dataKeys: parseKeyring(keys.DATA_KEYS),
    signingKeys: parseKeyring(keys.SIGNING_KEYS),
    indexKey: parseKey(keys.INDEX_KEY),
    database,
    state,
    clock: systemClock,
    logger,
  }
  return [
    { ...createLoginApp({ ...parts, exchange: wechat.codeExchange }), descriptions: login },
    { ...createUserApp({ ...parts, storage, wechat }), descriptions: user },
    {
      ...createUploadApp({
        ...parts,
        storage,
        quota: { bytes: 0, files: 0 },
        download: 'redirect',
        checks: {},
      }),
      descriptions: upload,
    },
    { ...createRateCheckApp(parts), descriptions: rateCheck },
    {
      ...createOrderApp({
        ...parts,
        provider: NO_PROVIDER,
        refundsBy: 'owner',
        tell: async () => {},
        deliver: async () => {},
      }),
      descriptions: order,
    },
    {
      ...createCallbackApp({
        ...parts,
        pushToken: secret('none'),
        takeMediaVerdict: async () => async () => {},
        payments,
        partners: payments,
      }),
      descriptions: callback,
    },
  ]
}
