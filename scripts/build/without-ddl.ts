import { basename } from 'node:path'
import type { Plugin } from 'esbuild'

/**
 * Parts of kysely that no function reaches, yet its classes refer to: schema statements (migrations run from a
 * terminal), `withSchema` and `merge`. They are a quarter of its size.
 */
const PARTS: Readonly<Record<string, string>> = {
  'schema-module': 'SchemaModule',
  'with-schema-plugin': 'WithSchemaPlugin',
  'merge-query-builder': 'MergeQueryBuilder',
}

const FILTER = new RegExp(`kysely[\\\\/]dist[\\\\/].*[\\\\/](${Object.keys(PARTS).join('|')})\\.js$`)

/** Leaves those parts out of a bundle; using one is an error that says so. */
export function withoutDdl(): Plugin {
  return {
    name: 'without-ddl',
    setup(build) {
      build.onLoad({ filter: FILTER }, ({ path }) => {
        const name = PARTS[basename(path, '.js')] ?? ''
        const message = JSON.stringify(`Cannot use kysely's ${name} in a function: the build leaves it out`)
        return { contents: `export class ${name} { constructor() { throw new TypeError(${message}) } }` }
      })
    },
  }
}
