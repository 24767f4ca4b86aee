import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Account } from './keeper.ts'

const OTHERS_MAY_PASS = 0o001
const GROUP_MAY_PASS = 0o010
const OWNER_MAY_PASS = 0o100

/** Whether this account may pass through every folder on the way to `folder` and through `folder` itself. */
export function canReach(folder: string, { uid, gid }: Account): boolean {
  const { mode, uid: owner, gid: group } = statSync(folder)
  const needed = owner === uid ? OWNER_MAY_PASS : group === gid ? GROUP_MAY_PASS : OTHERS_MAY_PASS
  if ((mode & needed) === 0) return false
  const parent = dirname(folder)
  return parent === folder || canReach(parent, { uid, gid })
}
