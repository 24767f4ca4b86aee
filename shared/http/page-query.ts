import * as v from 'valibot'

/** How many rows of a list a client wants. */
export const pageLimit = v.optional(
  v.pipe(v.string(), v.regex(/^(?:[1-9]\d?|100)$/, 'expected 1 to 100'), v.transform(Number)),
  '20',
)

/** What the query of a list holds whose cursors `writeCursor` made. */
export const pageQuery = {
  limit: pageLimit,
  cursor: v.optional(v.pipe(v.string(), v.maxLength(128))),
}
