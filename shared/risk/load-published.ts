import { listDenied } from '#shared/db/tables/deny-list.ts'
import { findGuardVersion } from '#shared/db/tables/guard-versions.ts'
import type { DeniedEntries } from './denied.ts'
import type { PointerStores } from './pointer.ts'

/** Entries of the deny list that may be live at once: an instance holds them all. */
export const MAX_DENIED = 5_000

const SET_TTL_MS = 86_400_000
const DENIED_TTL_MS = 3_600_000

/** The content of a version, as published: JSON not yet checked. From the state store where it is cached. */
export async function loadSet(stores: PointerStores, version: number, signal: AbortSignal): Promise<unknown> {
  const text = await cached(
    stores,
    { key: `risk:set:${version}`, ttlMs: SET_TTL_MS },
    async () => {
      const row = await findGuardVersion(await stores.database.sql(), version, signal)
      if (row === undefined) throw new RangeError(`There is no version ${version} of the rules`)
      return row.content
    },
    signal,
  )
  return JSON.parse(text)
}

/** The deny list at a revision, or a later one. */
export async function loadDenied(
  stores: PointerStores,
  { revision, nowMs }: { readonly revision: number; readonly nowMs: number },
  signal: AbortSignal,
): Promise<DeniedEntries> {
  if (revision === 0) return []
  const page = { now: new Date(nowMs), limit: MAX_DENIED }
  const text = await cached(
    stores,
    { key: `risk:denied:${revision}`, ttlMs: DENIED_TTL_MS },
    async () => {
      const rows = await listDenied(await stores.database.sql(), page, signal)
      return JSON.stringify(rows.map(({ kind, value, expires_at: until }) => [kind, value, until.getTime()]))
    },
    signal,
  )
  return JSON.parse(text) // Written by this very function: the store is ours.
}

/** A text that never changes: from the state store, else from its source, and then into the store. */
async function cached(
  { state }: PointerStores,
  { key, ttlMs }: { readonly key: string; readonly ttlMs: number },
  read: () => Promise<string>,
  signal: AbortSignal,
): Promise<string> {
  const known = await state.get(key, signal).catch(() => undefined) // The database knows, too.
  if (known !== undefined) return known
  const text = await read()
  await state.set(key, text, { ttlMs }, signal).catch(() => {}) // It is only a cache.
  return text
}
