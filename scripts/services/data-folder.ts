import { createHash } from 'node:crypto'
import { chownSync, lstatSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { NOBODY } from './keeper.ts'
import { canReach } from './reach.ts'

const RELOCATED_ROOT = '/var/tmp'

/**
 * Makes a private data folder that the server's account can use, and returns where it really is: below `/var/tmp`,
 * with a link in its place, when this is root and the wished-for path passes through a folder only root may enter.
 */
export function settleDataFolder(wished: string): string {
  mkdirSync(dirname(wished), { recursive: true })
  if (NOBODY === undefined || canReach(dirname(wished), NOBODY)) {
    mkdirSync(wished, { recursive: true, mode: 0o700 })
    own(wished)
    return wished
  }
  const name = createHash('sha256').update(wished).digest('hex').slice(0, 16)
  const real = join(RELOCATED_ROOT, `xiaohan-data-${name}`)
  // Whoever deletes the link means the data.
  if (lstatSync(wished, { throwIfNoEntry: false }) === undefined) {
    rmSync(real, { recursive: true, force: true })
    symlinkSync(real, wished)
  }
  mkdirSync(real, { recursive: true, mode: 0o700 })
  // Anyone may put a folder, or a link to one, where we will look.
  const found = lstatSync(real)
  if (!found.isDirectory() || (found.uid !== 0 && found.uid !== NOBODY.uid)) {
    throw new Error(`Cannot use ${real}: another account made it`)
  }
  own(real)
  return real
}

/** Gives a file or folder to the account the servers run under. */
export function own(path: string): void {
  if (NOBODY !== undefined) chownSync(path, NOBODY.uid, NOBODY.gid)
}
