import { absentable } from './absentable.ts'
import { headerInfo } from './header-info.ts'
import type { ByteRange, GetOptions, StoredObject } from './object-store.ts'
import { requireRange } from './require-range.ts'
import type { Scheme } from './scheme.ts'
import type { Answered, StoreCall } from './store-call.ts'
import { strangeAnswer } from './store-error.ts'
import { storedBody } from './stored-body.ts'

interface Means {
  readonly call: StoreCall
  readonly scheme: Scheme
  readonly idleMs: number
}

/** Begins to read an object or a range of it, undefined where there is none. */
export async function readObject(
  { call, scheme, idleMs }: Means,
  { key, range }: GetOptions & { readonly key: string },
  signal: AbortSignal,
): Promise<StoredObject | undefined> {
  const headers = range === undefined ? {} : { ...scheme.rangeHeaders, range: rangeText(range) }
  const answer = await absentable(call({ method: 'GET', key, headers, purpose: 'read an object' }, signal))
  if (answer === undefined) return undefined
  try {
    const { info, sizeBytes } = described(answer, range)
    return { info, body: storedBody(answer, { sizeBytes, idleMs }, signal) }
  } catch (error) {
    answer.abandon()
    throw error
  }
}

/** @throws Fault upstream_failed for an answer that is not what was asked for */
function described({ response }: Answered, range: ByteRange | undefined) {
  const length = response.headers.get('content-length')
  if (response.status !== (range === undefined ? 200 : 206)) throw strangeAnswer('range')
  if (length === null) throw strangeAnswer('length')
  return { info: headerInfo(response), sizeBytes: Number(length) }
}

function rangeText(range: ByteRange): string {
  const { first, last = '' } = requireRange(range)
  return `bytes=${first}-${last}`
}
