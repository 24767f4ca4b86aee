import type { FileRow } from '#shared/db/tables/files.ts'
import { discardUpload, purgeFile } from '#shared/files/remove-file.ts'
import { causesOf } from '#shared/telemetry/causes.ts'
import type { UploadRouteOptions } from './upload-options.ts'

export interface Finished {
  /** As it was when the call came. */
  readonly before: FileRow
  /** What it has become; undefined where it is to go altogether. */
  readonly file?: FileRow
  readonly openid: string
}

/** What a client need not wait for, unless its platform ends a call with its answer. Whatever fails here is found by the next sweep. */
export async function afterwards(
  options: UploadRouteOptions,
  { before, file, openid }: Finished,
  signal: AbortSignal,
): Promise<void> {
  try {
    if (file === undefined) return await purgeFile(options, before, signal)
    if (before.status !== 'uploading') return
    if (file.status === 'pending') await options.safety.examine(file, openid, signal)
    await discardUpload(options.storage, before, signal)
  } catch (cause) {
    options.logger.warn('files.left_to_sweep', { fileId: before.id, causes: causesOf(cause) })
  }
}
