import * as v from 'valibot'
import type { PublicFile } from './present-file.ts'

/** `PublicFile` for the API documentation, field by field; no bundle holds it. */
export const publicFileFields = {
  id: v.string(),
  name: v.string(),
  purpose: v.string(),
  contentType: v.string(),
  sizeBytes: v.number(),
  sha256: v.nullable(v.string()),
  status: v.picklist(['pending', 'ready', 'quarantined']),
  url: v.string(),
  createdAt: v.pipe(v.string(), v.isoTimestamp()),
} satisfies Record<keyof PublicFile, v.GenericSchema>
