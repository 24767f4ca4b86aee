import type { Read } from '#shared/config/read-env.ts'
import type { Usage } from '#shared/db/tables/file-usage.ts'
import type { SafetyChecks } from '#shared/files/file-parts.ts'
import { checkedClamdUrl } from '#shared/outbound/virus-scan-address.ts'
import { createVirusScan } from '#shared/outbound/virus-scan.ts'
import { openStorage } from '#shared/storage/open-storage.ts'
import { readStorageUrl } from '#shared/storage/storage-address.ts'
import type { Wechat } from '#shared/wechat/wechat.ts'

/** Alibaba's secrets have 30 characters, Tencent's 32, Amazon's 40. */
const MIN_SECRET_BYTES = 30
const MB = 1024 * 1024

/** What functions that touch files read besides. */
export function storageSettings(read: Read) {
  return {
    storageAt: read.parsed('STORAGE_URL', readStorageUrl),
    storageKeyId: read.text('STORAGE_ACCESS_KEY_ID'),
    storageSecret: read.secret('STORAGE_SECRET_KEY', { minBytes: MIN_SECRET_BYTES }),
    storageToken: read.optional('STORAGE_SESSION_TOKEN', () => read.secret('STORAGE_SESSION_TOKEN')),
  }
}

export type StorageSettings = ReturnType<typeof storageSettings>

/** The bucket. Nothing connects before it is used. */
export function openFileStorage({ storageAt, storageKeyId, storageSecret, storageToken }: StorageSettings) {
  const credentials = { accessKeyId: storageKeyId, secretKey: storageSecret, sessionToken: storageToken }
  return openStorage({ at: storageAt, credentials: () => credentials })
}

/** What functions that let files be uploaded read besides. */
export function fileSettings(read: Read) {
  const megabytes = read.integer('FILES_QUOTA_MB', { min: 1, max: 1_000_000, fallback: 5_000 })
  const files = read.integer('FILES_QUOTA_COUNT', { min: 1, max: 1_000_000, fallback: 5_000 })
  const quota: Usage = { bytes: megabytes * MB, files }
  return {
    quota,
    checksMedia: read.oneOf('WECHAT_MEDIA_CHECK', ['off', 'on'], 'on') === 'on',
    clamdMaxMb: read.integer('CLAMD_MAX_MB', { min: 1, max: 4_000, fallback: 25 }),
    clamdUrl: read.optional('CLAMD_URL', () => read.parsed('CLAMD_URL', checkedClamdUrl), ['CLAMD_MAX_MB']),
  }
}

/** Who has to find files safe, by these settings. */
export function safetyChecks(
  { checksMedia, clamdUrl, clamdMaxMb }: ReturnType<typeof fileSettings>,
  { checkMedia }: Pick<Wechat, 'checkMedia'>,
): SafetyChecks {
  return {
    ...(checksMedia ? { checkMedia } : {}),
    ...(clamdUrl === undefined
      ? {}
      : { virusScan: createVirusScan({ url: clamdUrl, maxBytes: clamdMaxMb * MB }) }),
  }
}
