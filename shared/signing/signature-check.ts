import { timingSafeEqual } from 'node:crypto'
import type { Clock } from '#shared/clock.ts'
import { Fault } from '#shared/errors.ts'
import type { Keyring } from '#shared/keyring.ts'
import {
  type CanonicalParts,
  canonicalRequest,
  type RequestParts,
  requestParts,
} from './canonical-request.ts'
import { requireNear } from './clock-skew.ts'
import { explainDelivery, explainMalformed, explainRefusal, type Explanation } from './explain.ts'
import { findKey } from './find-key.ts'
import type { NonceUse, Nonces } from './nonces.ts'
import type { PartnerKey, PartnerKeys } from './partner-keys.ts'
import { sessionKeyOf } from './session-signing-key.ts'
import { requestMac } from './sign-request.ts'
import {
  parseSignature,
  SIGNATURE_HEADER,
  type SignatureHeader,
  signatureProblem,
} from './signature-header.ts'
import { isWebhook, webhookHeaders, webhookKey } from './webhook.ts'

/** What a route wants: a signature when there is one, of a session, with WeChat's own user key, or of a partner. */
export type Demand = 'optional' | 'required' | 'user-key' | 'partner'

/** The session that a key is derived from, as the access token tells it. */
export interface SigningSession {
  readonly userId: string
  readonly sessionId: string
  readonly generation: number
}

/** The 16 bytes of WeChat's user key of this version; undefined when WeChat has none. */
export type UserKeySource = (
  session: SigningSession,
  version: number,
  signal: AbortSignal,
) => Promise<Uint8Array | undefined>

export interface SignedCall {
  readonly request: Request
  /** The raw body, read at most once. */
  readonly body: () => Promise<Uint8Array>
  /**
   * From the verified access token; a function, so that the shape is judged first. Rejects with the token's own fault;
   * undefined without a bearer token.
   */
  readonly session: () => Promise<SigningSession | undefined>
  readonly demand: Demand
  /** The partner named by the path, where it is. */
  readonly partner?: string | undefined
  /** The platform's id of the request. */
  readonly requestId?: string | undefined
}

/** Who made a signature. */
export interface SignedBy {
  readonly by: 'session' | 'user-key' | 'partner'
  readonly kid: string
  readonly partner?: string
  /** The webhook's id, the same for every delivery of one message. @see Standard Webhooks */
  readonly messageId?: string
}

export interface SignatureCheck {
  /**
   * Who signed the request; undefined when nobody did and nobody had to. Judged in this order: shape, the access token
   * (a partner's call needs none), clock, MAC, nonce.
   *
   * @throws Fault `bad_request`, `unauthenticated` or the token's own, `clock_skew`, `signature_invalid`,
   *   `request_replayed`, what WeChat's key meets, or `unavailable` where the nonce cannot be judged.
   */
  verify(call: SignedCall, signal: AbortSignal): Promise<SignedBy | undefined>
}

export interface SignatureCheckOptions {
  readonly masters: Keyring
  readonly appId: string
  readonly partners: PartnerKeys
  readonly nonces: Nonces
  readonly userKey?: UserKeySource | undefined
  readonly clock: Clock
  /** Names that clients call; when there are any, the Host header counts for nothing. */
  readonly publicHosts: readonly string[]
  /** What a gateway strips from the path, such as `/prod`. */
  readonly publicBasePath: string
  /** Answers a refusal with the text that was expected to be signed. For the local cloud alone. */
  readonly explain: boolean
}

/** What a call without a signature should have had. */
const MISSING: Readonly<Record<Demand, string>> = {
  optional: 'sign or leave it out',
  required: "sign with the session's key",
  'user-key': "sign with WeChat's user key",
  partner: "sign with a partner's key",
}

/** Stands in for a key that does not exist, so that a refusal takes as long. */
const NO_KEY = crypto.getRandomValues(new Uint8Array(32))
const NO_PARTNER: PartnerKey = { kid: '', partner: '', key: NO_KEY }

export function createSignatureCheck(options: SignatureCheckOptions): SignatureCheck {
  const { masters, appId, partners, nonces, clock, publicHosts, publicBasePath, explain } = options

  async function verify(call: SignedCall, signal: AbortSignal): Promise<SignedBy | undefined> {
    const { headers } = call.request
    const text = headers.get(SIGNATURE_HEADER)
    // A webhook's signature covers neither method nor path, so only routes made for partners take it.
    if (text === null && call.demand === 'partner' && isWebhook(headers)) return verifyWebhook(call, signal)
    if (text === null && call.demand === 'optional') return undefined
    const header = text === null ? undefined : parseSignature(text)
    if (header !== undefined) return verifyHeader(call, header, signal)
    throw await malformed(
      call,
      text === null ? `is required here: ${MISSING[call.demand]}` : signatureProblem(text),
    )
  }

  async function verifyHeader(
    call: SignedCall,
    header: SignatureHeader,
    signal: AbortSignal,
  ): Promise<SignedBy> {
    const { kid, ts, nonce, sig } = header
    const { demand, partner } = call
    // Whatever key it names: where a session has to sign, the token is judged first.
    const session = demand === 'partner' ? undefined : await call.session()
    if (session === undefined && isForSessions(demand)) throw new Fault('unauthenticated')
    requireNear(ts, clock())
    const found = await findKey(options, { kid, demand, partner, session }, signal)
    const body = await call.body()
    const expected = expectedParts(call.request, body).map((parts) => ({
      ...parts,
      kid,
      ts,
      nonce,
      sessionId: session?.sessionId,
    }))
    const isGood = isSigned('key' in found ? found.key : NO_KEY, expected, sig)
    if (!('key' in found) || !isGood) {
      const url = new URL(call.request.url)
      const otherKeys = session === undefined ? [] : neighbourKeys(kid, session)
      throw refused(() => explainRefusal({ found, expected, sig, body, url, otherKeys }))
    }
    await spend({ owner: found.owner, nonce, ...nonceCall(call) }, signal)
    return found.signed
  }

  /** One for each name that we may have been called by. */
  function expectedParts(request: Request, body: Uint8Array): readonly RequestParts[] {
    const parts = requestParts(request, body)
    const hosts = publicHosts.length > 0 ? publicHosts : [request.headers.get('host') ?? parts.host]
    return hosts.map((host) => ({ ...parts, host, path: publicBasePath + parts.path }))
  }

  /** The session's keys before and after a refresh that one of the two sides may have missed. */
  function neighbourKeys(kid: string, session: SigningSession): readonly Uint8Array[] {
    const generations = [session.generation - 1, session.generation + 1]
    return generations.flatMap(
      (generation) => sessionKeyOf(masters, kid, { ...session, appId, generation }) ?? [],
    )
  }

  async function verifyWebhook(call: SignedCall, signal: AbortSignal): Promise<SignedBy> {
    const delivery = webhookHeaders(call.request.headers)
    requireNear(delivery.timestamp, clock())
    const keys = call.partner === undefined ? partners.all : partners.of(call.partner)
    const body = await call.body()
    const found = webhookKey([...keys, NO_PARTNER], delivery, body)
    if (found === undefined) throw refused(() => explainDelivery(delivery, body, keys.length))
    // A message is delivered again under the same id until we accept it: only the very same attempt is a replay.
    const nonce = `${delivery.id}.${delivery.timestamp}`
    await spend({ owner: found.partner, nonce, ...nonceCall(call) }, signal)
    return { by: 'partner', kid: found.kid, partner: found.partner, messageId: delivery.id }
  }

  async function spend(use: NonceUse, signal: AbortSignal): Promise<void> {
    if (!(await nonces.use(use, signal))) throw new Fault('request_replayed')
  }

  async function malformed({ request, body }: SignedCall, message: string): Promise<Fault> {
    const details = [{ header: 'X-Signature', message }]
    if (!explain) return new Fault('bad_request', { details })
    const expected = expectedParts(request, await body())
    return new Fault('bad_request', { details: [...details, { ...explainMalformed(expected) }] })
  }

  function refused(explanation: () => Explanation): Fault {
    return new Fault('signature_invalid', { details: explain ? [{ ...explanation() }] : [] })
  }

  return { verify }
}

function nonceCall(call: SignedCall): Pick<NonceUse, 'call' | 'requestId'> {
  return { call: kindOfCall(call), requestId: call.requestId }
}

function kindOfCall({ request, demand }: SignedCall): NonceUse['call'] {
  if (request.method === 'GET' || request.method === 'HEAD') return 'read'
  // What partners send is deduplicated by what it means; a row for each of their calls would cost more than they do.
  return demand === 'partner' ? 'partner-write' : 'write'
}

function isForSessions(demand: Demand): boolean {
  return demand === 'required' || demand === 'user-key'
}

/** Tries every name, whichever fits: the time tells nothing about which one did. */
function isSigned(key: Uint8Array, expected: readonly CanonicalParts[], sig: string): boolean {
  const given = Buffer.from(sig, 'base64url')
  return expected
    .map((parts) => timingSafeEqual(requestMac(key, canonicalRequest(parts)), given))
    .includes(true)
}
