import { type FileRow, moveFile } from '#shared/db/tables/files.ts'
import { findVerdict } from '#shared/db/tables/media-verdicts.ts'
import { applyVerdict } from './apply-verdict.ts'
import type { FileParts, SafetyChecks } from './file-parts.ts'
import { quarantine } from './quarantine.ts'
import { purposeRules } from './purposes.ts'

/** What stands between a stored file and its readers. */
export interface Safety {
  /** Whether files such as this one wait for anybody's word. */
  isDemanded(row: Pick<FileRow, 'purpose'>): boolean
  /**
   * Goes on with what has to find a pending file safe: the virus scanner first, then WeChat, whose verdict comes later.
   * May be repeated at any time.
   */
  examine(row: FileRow, openid: string, signal: AbortSignal): Promise<void>
}

/** WeChat fetches within minutes of being asked, and says so within half an hour. */
const FETCHABLE_S = 3_600
/** WeChat says within half an hour; after that its word was lost. */
const VERDICT_MS = 35 * 60_000

export function createSafety(parts: FileParts, { checkMedia, virusScan }: SafetyChecks): Safety {
  const { database, storage, clock, logger } = parts

  function isDemanded({ purpose }: Pick<FileRow, 'purpose'>): boolean {
    return virusScan !== undefined || isChecked(purpose)
  }

  function isChecked(purpose: string): boolean {
    return checkMedia !== undefined && purposeRules(purpose).check !== undefined
  }

  async function examine(row: FileRow, openid: string, signal: AbortSignal): Promise<void> {
    if (!(await isScanned(row, signal))) return
    if (isChecked(row.purpose)) await ask(row, openid, signal)
    else await move(row, { status: 'ready', check_due_at: null }, signal)
  }

  async function isScanned(row: FileRow, signal: AbortSignal): Promise<boolean> {
    if (virusScan === undefined || row.scanned_at !== null) return true
    const object = row.object_key === null ? undefined : await storage.get(row.object_key, {}, signal)
    if (object === undefined) throw new TypeError('The object of a pending file has vanished')
    const result = await virusScan(object.body, signal)
    if (result.clean) return move(row, { scanned_at: new Date(clock()) }, signal)
    logger.warn('files.infected', { fileId: row.id, found: result.found })
    const infected = {
      row,
      from: ['pending'],
      reason: `scan:${result.found}`,
      now: new Date(clock()),
    } as const
    await quarantine(await database.sql(), infected, signal)
    return false
  }

  async function ask(row: FileRow, openid: string, signal: AbortSignal): Promise<void> {
    const { check } = purposeRules(row.purpose)
    if (checkMedia === undefined || check === undefined || row.object_key === null) return
    const mediaUrl = storage.presignGet(row.object_key, { expiresInS: FETCHABLE_S })
    const { traceId } = await checkMedia({ ...check, mediaUrl, openid }, signal)
    const due = new Date(clock() + VERDICT_MS)
    const asked = { trace_id: traceId, check_due_at: due, times_asked: row.times_asked + 1 }
    if (!(await move(row, asked, signal))) return
    // The verdict may have been faster than we were.
    const sql = await database.sql()
    const verdict = await findVerdict(sql, traceId, signal)
    if (verdict !== undefined) await applyVerdict({ ...parts, sql }, verdict, signal)
  }

  async function move(row: FileRow, change: Partial<FileRow>, signal: AbortSignal): Promise<boolean> {
    const to = { ...change, updated_at: new Date(clock()) }
    return moveFile(await database.sql(), { id: row.id, from: ['pending'], to }, signal)
  }

  return { isDemanded, examine }
}
