import { type BackendOptions, createBackend } from '#shared/backend/create-backend.ts'
import { createRequireAdmin, createRequireUser } from '#shared/backend/current-user.ts'
import type { FileParts, SafetyChecks } from '#shared/files/file-parts.ts'
import { createSafety } from '#shared/files/safety.ts'
import type { HttpApp } from '#shared/http/create-app.ts'
import { createIdempotency } from '#shared/idempotency/idempotency.ts'
import type { Keyring } from '#shared/keyring.ts'
import { fileRoutes } from './files.ts'
import { intentRoutes } from './intents.ts'
import { receiveFile } from './receive-file.ts'
import { tusRoutes } from './tus.ts'
import type { UploadRouteOptions } from './upload-options.ts'

export interface UploadOptions
  extends BackendOptions, Pick<FileParts, 'storage' | 'quota'>, Pick<UploadRouteOptions, 'download'> {
  readonly dataKeys: Keyring
  readonly checks: SafetyChecks
}

/** The upload function over its ports. */
export function createUploadApp(options: UploadOptions): HttpApp {
  const { database } = options
  const backend = createBackend(options)
  const requireUser = createRequireUser(backend.sessions, database)
  const parts: UploadRouteOptions = {
    ...options,
    requireUser,
    requireAdmin: createRequireAdmin(requireUser),
    safety: createSafety(options, options.checks),
    idempotency: createIdempotency(options),
  }
  return backend.app('upload', [
    ...intentRoutes(parts),
    receiveFile(parts),
    ...fileRoutes(parts),
    ...tusRoutes(parts),
  ])
}
