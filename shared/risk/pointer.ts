import * as v from 'valibot'
import type { Database } from '#shared/db/database.ts'
import { denyListRevision } from '#shared/db/tables/deny-list.ts'
import { latestGuardVersion } from '#shared/db/tables/guard-versions.ts'
import type { StateStore } from '#shared/state/store.ts'
import { causesOf } from '#shared/telemetry/causes.ts'
import type { Logger } from '#shared/telemetry/logger.ts'

/** What is in force: the version of the rules, and how often the deny list has changed. */
export interface Pointer {
  readonly version: number
  readonly denyRevision: number
}

/**
 * Where instances look what is in force: a key in the state store that lives for a minute, or else the database. Losing
 * the store costs a query; it cannot bring old rules back for longer than that minute.
 */
const KEY = 'risk:current'
const TTL_MS = 60_000
const WRITE_MS = 2_000
/** Publications at the same moment that one of them takes into account. */
const MAX_ROUNDS = 5

const PointerText = v.pipe(
  v.string(),
  v.regex(/^\d{1,9}\.\d{1,9}$/),
  v.transform((text): Pointer => {
    const [version = 0, denyRevision = 0] = text.split('.').map(Number)
    return { version, denyRevision }
  }),
)

export interface PointerStores {
  readonly database: Database
  readonly state: StateStore
}

/** Reads the pointer; rejects only where neither store answers. */
export async function readPointer(stores: PointerStores, signal: AbortSignal): Promise<Pointer> {
  const text = await stores.state.get(KEY, signal).catch(() => null) // The database knows, too.
  const cached = v.safeParse(PointerText, text)
  if (cached.success) return cached.output
  const pointer = await askDatabase(stores.database, signal)
  const options = { ttlMs: TTL_MS, ifAbsent: text === undefined }
  // Never over what a publication wrote in between; and where the store is down, the next look asks again.
  if (text !== null) await stores.state.set(KEY, write(pointer), options, signal).catch(() => {})
  return pointer
}

/**
 * Points every instance at what the database says now. Call after a publication has committed: it goes on even if the
 * caller has left. Never rejects; what could not be written is found within a minute, when the pointer ends.
 */
export async function pointAnew(options: PointerStores & { readonly logger: Logger }): Promise<void> {
  await advance(options, AbortSignal.timeout(WRITE_MS)).catch((error: unknown) => {
    options.logger.error('risk.pointer_not_written', { causes: causesOf(error) })
  })
}

/** Where two are at it at once, the last to write looks again afterwards, so what stays is never the older one. */
async function advance({ database, state }: PointerStores, signal: AbortSignal): Promise<void> {
  let pointer = await askDatabase(database, signal)
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    await state.set(KEY, write(pointer), { ttlMs: TTL_MS }, signal)
    const latest = await askDatabase(database, signal)
    if (write(latest) === write(pointer)) return
    pointer = latest
  }
}

async function askDatabase(database: Database, signal: AbortSignal): Promise<Pointer> {
  const sql = await database.sql()
  const version = await latestGuardVersion(sql, signal)
  return { version, denyRevision: await denyListRevision(sql, signal) }
}

function write({ version, denyRevision }: Pointer): string {
  return `${version}.${denyRevision}`
}
