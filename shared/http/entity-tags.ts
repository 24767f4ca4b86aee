/** One entity-tag and what parts it from the next. @see RFC 9110 §8.8.3 (entity-tag), §5.6.1 (lists with empty elements) */
const TAG = /(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"(?:[ \t]*,[ \t,]*|$)/gy

/** Weak tags say that contents mean the same, strong ones that they are the same bytes. @see RFC 9110 §8.8.3.2 */
export type Comparison = 'strong' | 'weak'

/**
 * Whether the list of a header such as `If-None-Match` has the strong tag `"etag"`, or is `*`. A list that is not well
 * formed has nothing: `If-Match` then refuses and `If-None-Match` then answers whole, the safe side for both.
 */
export function hasEntityTag(list: string, etag: string, comparison: Comparison): boolean {
  if (list === '*') return true
  const text = list.replace(/^[ \t,]+/, '')
  const tags = [...text.matchAll(TAG)]
  const length = tags.reduce((sum, [tag]) => sum + tag.length, 0)
  if (length !== text.length) return false
  return tags.some(([, weak, opaque]) => opaque === etag && (comparison === 'weak' || weak === undefined))
}
