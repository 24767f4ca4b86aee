import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import * as v from 'valibot'
import { type PartnerKey, parsePartnerKeys } from '#shared/signing/partner-keys.ts'
import { ask } from './ask.ts'

/** A session as login gives it. */
export interface KeptSession {
  readonly accessToken: string
  readonly signing: { readonly kid: string; readonly key: string }
}

/** Who a person at the terminal can be. */
export interface Identities {
  /** The session of dev-<name>: the kept one, refreshed when it ran out, or a new one. */
  session(name: string): Promise<KeptSession>
  /** A session that begins now, kept in place of the former. */
  newSession(name: string): Promise<KeptSession>
  /** @throws TypeError when PARTNER_KEYS has no such key */
  partner(kid: string): PartnerKey
}

export interface IdentitiesOptions {
  /** Origin of the API. */
  readonly url: string
  /** Where the local cloud keeps its secrets, and this the sessions. */
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
}

const Session = v.object({
  accessToken: v.string(),
  refreshToken: v.string(),
  signing: v.object({ kid: v.string(), key: v.string() }),
  /** Epoch milliseconds. */
  expiresAt: v.number(),
})

type Session = v.InferOutput<typeof Session>

const Answer = v.object({
  code: v.literal(0),
  data: v.object({ ...v.omit(Session, ['expiresAt']).entries, expiresInS: v.number() }),
})

const Refused = v.object({ error: v.string(), message: v.string() })

/** A token with less than this left is refreshed, so that it lasts for the call. */
const MARGIN_MS = 20_000

export function createIdentities({ url, folder, env }: IdentitiesOptions): Identities {
  const file = join(folder, 'sessions.json')
  const secrets = join(folder, 'secrets.env')

  async function session(name: string): Promise<KeptSession> {
    const present = readSessions(file, secrets)[idOf(name)]
    if (present !== undefined && present.expiresAt - MARGIN_MS > Date.now()) return present
    const again = present && (await refreshed(present))
    return again === undefined ? newSession(name) : keep(name, again)
  }

  async function newSession(name: string): Promise<KeptSession> {
    return keep(name, readSession(await post('/login', { code: `dev-${name}` })))
  }

  function keep(name: string, fresh: Session): Session {
    const all = { ...readSessions(file, secrets), [idOf(name)]: fresh }
    mkdirSync(folder, { recursive: true })
    writeFileSync(file, `${JSON.stringify(all, null, 2)}\n`, { mode: 0o600 })
    return fresh
  }

  function idOf(name: string): string {
    return `${url} dev-${name}`
  }

  /** Undefined when the session has ended meanwhile, as after npm start -- --fresh. */
  async function refreshed({ refreshToken }: Session): Promise<Session | undefined> {
    const answer = await post('/login/refresh', { refreshToken })
    return answer.status < 500 && answer.status !== 200 ? undefined : readSession(answer)
  }

  function post(path: string, body: object) {
    const headers = { 'content-type': 'application/json', 'accept-language': 'en' }
    return ask(new Request(`${url}/api/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) }))
  }

  function partner(kid: string): PartnerKey {
    const partners = parsePartnerKeys(partnerKeys(secrets, env))
    const found = partners.get(kid) ?? partners.of(kid)[0]
    if (found !== undefined) return found
    const known = partners.all.map((key) => key.kid).join(', ') || 'none'
    throw new TypeError(`PARTNER_KEYS has no key ${kid}, only: ${known}. npm start makes the partner local`)
  }

  return { session, newSession, partner }
}

function readSession({ status, body }: { readonly status: number; readonly body: string }): Session {
  const answer = v.safeParse(v.union([Answer, Refused]), parsed(body))
  if (answer.success && 'data' in answer.output) {
    const { expiresInS, ...rest } = answer.output.data
    return { ...rest, expiresAt: Date.now() + expiresInS * 1_000 }
  }
  const why = answer.success && 'message' in answer.output ? answer.output.message : body.slice(0, 200)
  throw new Error(`Cannot sign in: ${status} ${why}`)
}

/** The sessions kept so far; those from before `npm start -- --fresh` and a file of another shape count for nothing. */
function readSessions(file: string, secrets: string): Readonly<Record<string, Session>> {
  const isStale = !existsSync(file) || (existsSync(secrets) && modifiedMs(file) < modifiedMs(secrets))
  const kept = v.safeParse(v.record(v.string(), Session), isStale ? {} : parsed(readFileSync(file, 'utf8')))
  return kept.success ? kept.output : {}
}

function modifiedMs(file: string): number {
  return statSync(file).mtimeMs
}

function partnerKeys(secrets: string, env: NodeJS.ProcessEnv): string {
  const kept = existsSync(secrets) ? parseEnv(readFileSync(secrets, 'utf8')) : {}
  return env['PARTNER_KEYS'] ?? kept['PARTNER_KEYS'] ?? ''
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // an answer of something else than our API
  }
}
