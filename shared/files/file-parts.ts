import type { Clock } from '#shared/clock.ts'
import type { Database } from '#shared/db/database.ts'
import type { Usage } from '#shared/db/tables/file-usage.ts'
import type { ObjectStore } from '#shared/storage/object-store.ts'
import type { Logger } from '#shared/telemetry/logger.ts'

/** What work with files needs. */
export interface FileParts {
  readonly database: Database
  readonly storage: ObjectStore
  readonly clock: Clock
  readonly logger: Logger
  /** What one user may have in sum. */
  readonly quota: Usage
}

/** WeChat's content check, which tells its verdict later under the trace id. */
export type CheckMedia = (
  media: {
    readonly mediaUrl: string
    readonly kind: 'image' | 'audio'
    readonly scene: 'profile' | 'social'
    readonly openid: string
  },
  signal: AbortSignal,
) => Promise<{ readonly traceId: string }>

export type VirusScan = (
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
) => Promise<{ readonly clean: true } | { readonly clean: false; readonly found: string }>

/** What has to find a file safe before it is ready; nothing where neither is given. */
export interface SafetyChecks {
  readonly checkMedia?: CheckMedia | undefined
  readonly virusScan?: VirusScan | undefined
}
