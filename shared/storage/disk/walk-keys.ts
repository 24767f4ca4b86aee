import { join } from 'node:path'
import { byteText, readName, textOf } from './key-path.ts'
import { foldersIn } from './missing.ts'

export interface KeyRange {
  readonly prefix: string
  /** Keys begin after it. */
  readonly after?: string | undefined
}

interface Place {
  /** The key, or what all keys in the folder begin with. */
  readonly bytes: string
  readonly isKey: boolean
  readonly path: string
}

/** Keys below a folder in the order of their bytes. Folders are read as the walk comes to them, and only where such keys may be. */
export async function* walkKeys(root: string, range: KeyRange): AsyncGenerator<string> {
  const [prefix, after] = [byteText(range.prefix), byteText(range.after ?? '')]

  /** Whether the place is such a key, or its folder may have one. */
  function isWanted({ bytes, isKey }: Place): boolean {
    if (isKey) return bytes.startsWith(prefix) && bytes > after
    const mayBegin = bytes.startsWith(prefix) || prefix.startsWith(bytes)
    return mayBegin && (bytes > after || after.startsWith(bytes))
  }

  /** The next place is the last one. */
  const ahead: Place[] = [{ bytes: '', isKey: false, path: root }]
  for (let place = ahead.pop(); place !== undefined; place = ahead.pop()) {
    if (place.isKey) yield textOf(place.bytes)
    else {
      const { bytes, path } = place
      const found = (await foldersIn(path)).map((name) => {
        const read = readName(name)
        return { bytes: bytes + read.bytes, isKey: read.isKey, path: join(path, name) }
      })
      // All places at once: a folder that a long segment goes on in lies between others.
      ahead.push(...found.filter(isWanted))
      ahead.sort((a, b) => (a.bytes > b.bytes ? -1 : 1))
    }
  }
}
