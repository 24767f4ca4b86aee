import { type Addressed, type Bucket, requireExpiry } from './addressed.ts'
import type { ObjectStore } from './object-store.ts'
import { requireKey } from './require-key.ts'

/** What clients are given to come to the bucket themselves; signed here, with no I/O. */
export function clientGrants(
  { scheme, bucket }: Bucket,
  clients: Addressed,
): Pick<ObjectStore, 'presignGet' | 'uploadForm'> {
  return {
    presignGet(key, { expiresInS, contentDisposition, contentType }) {
      const query = {
        ...(contentDisposition === undefined ? {} : { 'response-content-disposition': contentDisposition }),
        ...(contentType === undefined ? {} : { 'response-content-type': contentType }),
      }
      return clients.presigned({ method: 'GET', key, query }, expiresInS)
    },

    uploadForm(terms) {
      requireFormKey(terms.key)
      requireExpiry(terms.expiresInS)
      return { url: clients.url, fields: scheme.formFields({ ...terms, bucket }, clients.signing()) }
    },
  }
}

/** All three stores put the name of the client's file in its place, and the key would be the client's to choose. */
const PLACEHOLDER = '${filename}'

function requireFormKey(key: string): void {
  if (requireKey(key).includes(PLACEHOLDER))
    throw new TypeError(`Cannot sign a form for a key with ${PLACEHOLDER}`)
}
