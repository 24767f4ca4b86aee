import { type BackendOptions, createBackend } from '#shared/backend/create-backend.ts'
import type { HttpApp } from '#shared/http/create-app.ts'
import type { Keyring } from '#shared/keyring.ts'
import { createSessionEnder } from '#shared/tokens/session-ender.ts'
import { createSessionRefresher } from '#shared/tokens/session-refresher.ts'
import { createSessionStarter } from '#shared/tokens/session-starter.ts'
import type { CodeExchange } from '#shared/wechat/code-exchange.ts'
import { keySet } from './key-set.ts'
import { createPresent } from './present-session.ts'
import { refreshSession } from './refresh-session.ts'
import { signIn } from './sign-in.ts'
import { signOut } from './sign-out.ts'

export interface LoginOptions extends BackendOptions {
  readonly adminOpenids: readonly string[]
  readonly dataKeys: Keyring
  readonly exchange: CodeExchange
}

/** The login function over its ports. */
export function createLoginApp(options: LoginOptions): HttpApp {
  const { appId, database, signingKeys } = options
  const backend = createBackend(options)
  const { accessTokens, sessions, guard } = backend
  const parts = { ...options, ...backend }
  const present = createPresent({ signingKeys, appId })

  return backend.app('login', [
    signIn({ ...options, guard, startSession: createSessionStarter(parts), present }),
    refreshSession({ database, refresh: createSessionRefresher(parts), present }),
    signOut({ sessions, ender: createSessionEnder(parts) }),
    keySet(accessTokens),
  ])
}
