import * as v from 'valibot'
import { pageQuery } from '#shared/http/page-query.ts'
import { PURPOSE_NAMES } from '#shared/files/purposes.ts'

const purpose = v.picklist(PURPOSE_NAMES)
const name = v.pipe(v.string(), v.minLength(1), v.maxLength(4096))
const contentType = v.pipe(v.string(), v.minLength(1), v.maxLength(255))

export const NewIntent = v.strictObject({
  name,
  sizeBytes: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  contentType,
  purpose,
  resumable: v.optional(v.boolean(), false),
})

export const Completion = v.strictObject({
  /** Which parts make the file, and in which version; those that the store has, unless given. */
  parts: v.optional(
    v.pipe(
      v.array(
        v.strictObject({
          number: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000)),
          etag: v.pipe(v.string(), v.maxLength(128)),
        }),
      ),
      v.minLength(1),
      v.maxLength(10_000),
    ),
  ),
})

export const DirectUpload = v.strictObject({ purpose })

export const FileList = v.strictObject({
  ...pageQuery,
  status: v.optional(v.picklist(['pending', 'ready', 'quarantined'])),
  purpose: v.optional(purpose),
  /** `all`: everybody's, for admins. */
  scope: v.optional(v.picklist(['own', 'all']), 'own'),
})

export const FileReading = v.strictObject({
  disposition: v.optional(v.picklist(['attachment', 'inline']), 'attachment'),
})

export const FileReview = v.strictObject({ status: v.picklist(['ready', 'quarantined']) })
