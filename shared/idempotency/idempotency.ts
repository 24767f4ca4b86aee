import { createHash } from 'node:crypto'
import type { Clock } from '#shared/clock.ts'
import type { Database, Queries } from '#shared/db/database.ts'
import {
  claimIdempotency,
  findIdempotency,
  releaseIdempotency,
  storeIdempotency,
} from '#shared/db/tables/idempotency.ts'
import { Fault } from '#shared/errors.ts'
import type { Reply } from '#shared/http/route.ts'
import type { Keyring } from '#shared/keyring.ts'
import { seal, unseal } from '#shared/seal.ts'

export interface IdempotentRequest {
  /** Who calls; keys of two callers never meet. */
  readonly callerId: string
  /** Method and path of the route. */
  readonly route: string
  readonly headers: Headers
  /** The body as the schema gave it. */
  readonly body: unknown
}

/** Keeps the answer in the transaction of the work itself, so that neither is there without the other. */
export type KeepReply = (sql: Queries, reply: Reply) => Promise<Reply>

export interface Idempotency {
  /**
   * Runs `work` once for each `Idempotency-Key` of a caller and route; a repetition within 24 h gets the kept answer.
   * `work` passes its answer through `keep` in its own transaction. Without the header `work` simply runs. Work that
   * fails leaves nothing behind, so that the same key can try again.
   *
   * @throws Fault `idempotency_mismatch` for the key with another body, `conflict` while the first is still running.
   */
  run(
    request: IdempotentRequest,
    work: (keep: KeepReply) => Promise<Reply>,
    signal: AbortSignal,
  ): Promise<Reply>
}

export interface IdempotencyOptions {
  readonly database: Database
  readonly dataKeys: Keyring
  readonly clock: Clock
}

const KEPT_MS = 24 * 3_600_000
/** Longer than any request may take, so a claim outlives its request and not much more. */
const CLAIM_MS = 30_000
const RELEASE_MS = 1_000
const KEY_FORM = /^[\x21-\x7e]{1,255}$/

export function createIdempotency({ database, dataKeys, clock }: IdempotencyOptions): Idempotency {
  async function run(
    request: IdempotentRequest,
    work: (keep: KeepReply) => Promise<Reply>,
    signal: AbortSignal,
  ): Promise<Reply> {
    const key = request.headers.get('idempotency-key')
    if (key === null) return work(async (_, reply) => reply)
    if (!KEY_FORM.test(key)) {
      throw new Fault('validation_failed', {
        details: [{ path: 'Idempotency-Key', message: 'expected 1 to 255 visible ASCII characters' }],
      })
    }
    const id = sha256([request.callerId, request.route, key])
    const requestHash = sha256([JSON.stringify(request.body)])
    const now = clock()
    const claim = { id, requestHash, now: new Date(now), until: new Date(now + CLAIM_MS) }
    if (!(await claimIdempotency(database, claim, signal))) return storedReply(id, requestHash, signal)
    try {
      return await work((sql, reply) => keep(sql, id, reply, signal))
    } catch (error) {
      // Nothing was committed, or we cannot know: a claim that stays runs out by itself, an answer that was kept stays.
      await releaseIdempotency(await database.sql(), id, AbortSignal.timeout(RELEASE_MS)).catch(() => {})
      throw error
    }
  }

  async function keep(sql: Queries, id: string, reply: Reply, signal: AbortSignal): Promise<Reply> {
    const { status = 200, data } = reply
    const response = seal(dataKeys, JSON.stringify(data ?? {}), `idempotency:${id}`)
    await storeIdempotency(sql, id, { status, response, expires_at: new Date(clock() + KEPT_MS) }, signal)
    return reply
  }

  async function storedReply(id: string, requestHash: string, signal: AbortSignal): Promise<Reply> {
    const row = await findIdempotency(await database.sql(), id, signal)
    if (row !== undefined && row.request_hash !== requestHash) throw new Fault('idempotency_mismatch')
    if (row?.status == null || row.response === null) throw new Fault('conflict', { retryAfterS: 1 })
    return { status: row.status, data: JSON.parse(unseal(dataKeys, row.response, `idempotency:${id}`)) }
  }

  return { run }
}

function sha256(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}
