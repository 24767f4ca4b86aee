import { unquoted } from './header-info.ts'
import type { ListPage, ObjectPage } from './object-store.ts'
import { childrenNamed, childText, type Element } from './read-xml.ts'
import type { Scheme } from './scheme.ts'
import type { StoreCall } from './store-call.ts'
import { xmlAnswer } from './xml-answer.ts'

/** One page of the bucket's objects. */
export async function listObjects(
  { call, scheme }: { readonly call: StoreCall; readonly scheme: Scheme },
  page: ListPage,
  signal: AbortSignal,
): Promise<ObjectPage> {
  const query = withoutEmpty(scheme.listQuery(page))
  const answer = await xmlAnswer(call, { method: 'GET', query, purpose: 'list objects' }, signal)
  const items = childrenNamed(answer, 'Contents').map(listedObject)
  const last = items.at(-1)
  const isMore = childText(answer, 'IsTruncated') === 'true' && last !== undefined
  return { items, ...(isMore ? { next: last.key } : {}) }
}

function listedObject(contents: Element) {
  return {
    key: childText(contents, 'Key') ?? '',
    sizeBytes: Number(childText(contents, 'Size')),
    etag: unquoted(childText(contents, 'ETag') ?? ''),
    lastModified: new Date(childText(contents, 'LastModified') ?? Number.NaN),
  }
}

// An empty value would be signed one way and read another: not every store tells `prefix=` from `prefix`.
export function withoutEmpty(query: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ''))
}
