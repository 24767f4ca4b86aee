import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { runtimeExecutable } from '#scripts/dev/runtime-executable.ts'

export const root = join(import.meta.dirname, '..', '..')

/** The pinned runtimes by name: tests run on either of them and start both. */
export const EXECUTABLES = { bun: runtimeExecutable('bun', root), node: pinnedNode() } as const

export type RuntimeName = keyof typeof EXECUTABLES

export const RUNTIMES: readonly RuntimeName[] = ['bun', 'node']

function pinnedNode(): string {
  const names = ['node', 'node-bin'].map((prefix) => `${prefix}-${process.platform}-${process.arch}`)
  const files = names.map((name) => join(root, 'node_modules', name, 'bin', 'node'))
  return files.find((file) => existsSync(file)) ?? 'node'
}
