import { type BackendOptions, createBackend } from '#shared/backend/create-backend.ts'
import type { HttpApp } from '#shared/http/create-app.ts'
import { createIdempotency } from '#shared/idempotency/idempotency.ts'
import type { Keyring } from '#shared/keyring.ts'
import type { ObjectStore } from '#shared/storage/object-store.ts'
import { createCloseAccount } from '#shared/backend/close-account.ts'
import { createSessionEnder } from '#shared/tokens/session-ender.ts'
import type { Wechat } from '#shared/wechat/wechat.ts'
import { administrationRoutes } from './administration.ts'
import { bindPhone } from './bind-phone.ts'
import { createCheckText } from './check-text.ts'
import { createRequireAdmin, createRequireUser } from '#shared/backend/current-user.ts'
import { deleteAccount } from './delete-account.ts'
import { exportData } from './export-data.ts'
import { createRequireFreshLogin } from './fresh-login.ts'
import { hello } from './hello.ts'
import { profileRoutes } from './profile.ts'
import { createSessionData } from './session-data.ts'
import { sessionRoutes } from './sessions.ts'
import { wechatProfile } from './wechat-profile.ts'

export interface UserOptions extends BackendOptions {
  readonly dataKeys: Keyring
  readonly indexKey: Uint8Array
  /** Where users' files are, for when their accounts go. */
  readonly storage: ObjectStore
  readonly wechat: Pick<Wechat, 'codeExchange' | 'phoneNumber' | 'checkText'>
}

/** The user function over its ports. */
export function createUserApp(options: UserOptions): HttpApp {
  const { appId, dataKeys, indexKey, database, wechat, clock } = options
  const backend = createBackend(options)
  const requireUser = createRequireUser(backend.sessions, database)
  const ender = createSessionEnder({ ...options, ...backend })
  const parts = {
    ...options,
    ender,
    closeAccount: createCloseAccount({ ender, clock }),
    requireUser,
    requireAdmin: createRequireAdmin(requireUser),
    requireFreshLogin: createRequireFreshLogin({ exchange: wechat.codeExchange, clock }),
    checkText: createCheckText(wechat),
    sessionData: createSessionData({ appId, dataKeys }),
    idempotency: createIdempotency({ database, dataKeys, clock }),
    phoneKeys: { dataKeys, indexKey },
  }

  return backend.app('user', [
    hello(clock),
    ...profileRoutes(parts),
    deleteAccount(parts),
    bindPhone(parts),
    wechatProfile(parts),
    ...sessionRoutes(parts),
    exportData(parts),
    ...administrationRoutes(parts),
  ])
}
