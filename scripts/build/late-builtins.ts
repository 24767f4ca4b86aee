import * as asyncHooks from 'node:async_hooks'
import * as crypto from 'node:crypto'
import * as net from 'node:net'
import type { Plugin } from 'esbuild'

/** Evaluating these costs 4–8 ms each on Bun, at every cold start; many a first request needs neither. */
const BUILTINS: Readonly<Record<string, object>> = {
  'node:async_hooks': asyncHooks,
  'node:crypto': crypto,
  'node:net': net,
}

const NAMESPACE = 'late-builtins'

/**
 * Puts Node's heavier modules off until one of their functions is called: a bundle's `import { createHash } from
 * 'node:crypto'` gets a function that fetches the real one. What is no function cannot be imported so.
 */
export function lateBuiltins(): Plugin {
  return {
    name: 'late-builtins',
    setup(build) {
      build.onResolve({ filter: /^node:(async_hooks|crypto|net)$/ }, ({ path, kind }) =>
        kind === 'import-statement' ? { path, namespace: NAMESPACE, sideEffects: false } : undefined,
      )
      build.onLoad({ filter: /./, namespace: NAMESPACE }, ({ path }) => ({ contents: lateModule(path) }))
    },
  }
}

function lateModule(path: string): string {
  const functions = Object.entries(BUILTINS[path] ?? {}).filter(
    ([name, value]) => name !== 'default' && typeof value === 'function',
  )
  return [
    `const real = () => process.getBuiltinModule(${JSON.stringify(path)})`,
    ...functions.map(([name]) => (isClass(name) ? lateClass(name) : lateFunction(name))),
  ].join('\n')
}

function lateFunction(name: string): string {
  return `export const ${name} = (...given) => real().${name}(...given)`
}

/** `new` on it makes one of the real class. */
function lateClass(name: string): string {
  return `export function ${name}(...given) { return new (real().${name})(...given) }`
}

function isClass(name: string): boolean {
  return /^[A-Z]/.test(name)
}
