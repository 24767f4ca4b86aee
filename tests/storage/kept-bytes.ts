import { readdir } from 'node:fs/promises'
import { relative, join } from 'node:path'

/** The files with bytes of objects and of parts that a folder of the disk store holds, those that belong to nothing included. */
export async function keptBytes(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.json'))
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)))
    .toSorted()
}
