import { readdir } from 'node:fs/promises'

/** Undefined where the file system answers that a file or folder is not there: another process was faster. */
export async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** Looks at shapes: the runtime's errors may come from another realm than ours. */
export function isMissing(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT'
}

/** The names of the folders in a folder, none where it is not there. */
export async function foldersIn(path: string): Promise<readonly string[]> {
  const entries = (await unlessMissing(readdir(path, { withFileTypes: true }))) ?? []
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
}
