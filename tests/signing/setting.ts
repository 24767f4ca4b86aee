import { randomBytes } from 'node:crypto'
import type { Database } from '#shared/db/database.ts'
import { Fault } from '#shared/errors.ts'
import { parseKeyring } from '#shared/keyring.ts'
import { createNonces, type Nonces } from '#shared/signing/nonces.ts'
import { parsePartnerKeys } from '#shared/signing/partner-keys.ts'
import { sessionKeyOf } from '#shared/signing/session-signing-key.ts'
import { signRequest } from '#shared/signing/sign-request.ts'
import {
  createSignatureCheck,
  type SignatureCheckOptions,
  type SignedCall,
} from '#shared/signing/signature-check.ts'
import type { StateStore } from '#shared/state/store.ts'
import { createLogger } from '#shared/telemetry/logger.ts'
import { memoryState } from '#tests/fakes/memory-state.ts'
import { memoryDatabase } from './memory-database.ts'

export const APP_ID = 'wx5a1b2c3d4e5f6071'
export const START = Date.UTC(2026, 10, 23, 12)
export const { signal } = new AbortController()

export const session = {
  userId: '019a0000-0000-7000-8000-000000000001',
  sessionId: '7f3c2a10-0000-4000-8000-000000000001',
  generation: 4,
}

/** A database that must not be asked. */
export const NO_DATABASE: Database = {
  dialect: 'postgres',
  sql: asked,
  query: asked,
  warm: async () => {},
  close: async () => {},
}

function asked(): never {
  throw new TypeError('The database was asked')
}

export interface SettingOptions extends Partial<SignatureCheckOptions> {
  readonly state?: StateStore
  readonly database?: Database
}

/** Nonces of one process, for tests of what comes before them. */
export function memoryNonces(): Nonces {
  const used = new Set<string>()
  return {
    async use({ owner, nonce }) {
      const key = JSON.stringify([owner, nonce])
      const isFirst = !used.has(key)
      used.add(key)
      return isFirst
    },
  }
}

/** A signature check with keys of its own, a clock that tests turn, and callers. */
export function signingSetting({ state, database = memoryDatabase(), ...options }: SettingOptions = {}) {
  let nowMs = START
  const clock = () => nowMs
  const lines: string[] = []
  const text = (id: string) => `${id}:${randomBytes(32).toString('base64url')}`
  const masters = parseKeyring(`${text('k2')},${text('k1')}`)
  const partners = parsePartnerKeys([text('acme.k1'), text('acme.k2'), text('globex.k1')].join())
  const store = state ?? memoryState({ clock })
  const logger = createLogger({ level: 'debug', clock, write: (line) => void lines.push(line) })
  const nonces = options.nonces ?? createNonces({ state: store, database, clock, logger })
  const defaults = {
    masters,
    appId: APP_ID,
    partners,
    clock,
    publicHosts: [],
    publicBasePath: '',
    explain: false,
  }
  const check = createSignatureCheck({ ...defaults, nonces, ...options })

  function keyOf(of = session, kid = 'k2'): Uint8Array {
    return sessionKeyOf(masters, kid, { ...of, appId: APP_ID }) ?? new Uint8Array()
  }

  function partnerKeyOf(kid: string): Uint8Array {
    return partners.get(kid)?.key ?? new Uint8Array()
  }

  function sign(
    request: Request,
    { kid = 'k2', key = keyOf(session, kid), of = session } = {},
  ): Promise<Request> {
    return signRequest(request, { kid, key, sessionId: of.sessionId, clock })
  }

  function signAsPartner(request: Request, kid = 'acme.k1'): Promise<Request> {
    return signRequest(request, { kid, key: partnerKeyOf(kid), clock })
  }

  /** What the caller of a route sees: who signed, `unsigned`, or the name of the fault. */
  async function outcome(request: Request, call: Partial<SignedCall> = {}): Promise<string> {
    const fault = await verify(request, call)
    if (fault instanceof Fault) return fault.error
    return fault === undefined ? 'unsigned' : `${fault.by} ${fault.kid}`
  }

  async function verify(request: Request, call: Partial<SignedCall> = {}) {
    const body = async () => new Uint8Array(await request.clone().arrayBuffer())
    const all = { request, body, session: async () => session, demand: 'required', ...call } as const
    return check.verify(all, signal).catch((error: unknown) => {
      if (error instanceof Fault) return error
      throw error
    })
  }

  return {
    masters,
    partners,
    state: store,
    nonces,
    lines,
    keyOf,
    partnerKeyOf,
    sign,
    signAsPartner,
    outcome,
    verify,
    now: clock,
    advance: (ms: number) => {
      nowMs += ms
    },
  }
}

export type SigningSetting = ReturnType<typeof signingSetting>

/** A copy of a signed request with some of it changed, the signature kept. */
export async function tampered(
  signed: Request,
  change: {
    readonly url?: string
    readonly method?: string
    readonly body?: string | Uint8Array<ArrayBuffer> | null
    readonly host?: string
  },
): Promise<Request> {
  const { url = signed.url, method = signed.method, host } = change
  const headers = new Headers(signed.headers)
  if (host !== undefined) headers.set('host', host)
  const kept = signed.body === null ? null : await signed.clone().arrayBuffer()
  return new Request(url, { method, headers, body: change.body === undefined ? kept : change.body })
}
