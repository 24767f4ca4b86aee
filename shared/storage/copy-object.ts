import { absentable } from './absentable.ts'
import type { Bucket } from './addressed.ts'
import { unquoted } from './header-info.ts'
import type { CopyTerms } from './object-store.ts'
import { requireKey } from './require-key.ts'
import type { StoreCall } from './store-call.ts'
import { requiredText, xmlAnswer } from './xml-answer.ts'

/** Copies an object inside its bucket, undefined where there is none. */
export async function copyObject(
  call: StoreCall,
  { scheme, bucket, region }: Bucket,
  { from, to, ifMatch }: CopyTerms,
  signal: AbortSignal,
): Promise<{ readonly etag: string } | undefined> {
  const headers = scheme.copyHeaders({ bucket, region, key: requireKey(from) }, ifMatch)
  const request = { method: 'PUT', key: to, headers, purpose: 'copy an object' } as const
  const answer = await absentable(xmlAnswer(call, request, signal))
  return answer === undefined ? undefined : { etag: unquoted(requiredText(answer, 'ETag')) }
}
