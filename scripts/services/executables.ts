import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

// Debian keeps servers in sbin, which is not on an ordinary user's PATH.
const FURTHER = ['/usr/local/sbin', '/usr/sbin', '/opt/homebrew/bin']

/** The first of these commands that PATH, or a usual place for servers, holds. */
export function findExecutable(...names: readonly string[]): string | undefined {
  const suffix = process.platform === 'win32' ? '.exe' : ''
  const path = (process.env['PATH'] ?? '').split(delimiter)
  return names
    .flatMap((name) => [...path, ...FURTHER].map((folder) => join(folder, name + suffix)))
    .find((file) => isExecutable(file))
}

export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
