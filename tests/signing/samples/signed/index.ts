import { Fault } from '#shared/errors.ts'
import type { App } from '#shared/http/app.ts'
import { parseKeyring } from '#shared/keyring.ts'
import type { Nonces } from '#shared/signing/nonces.ts'
import { parsePartnerKeys } from '#shared/signing/partner-keys.ts'
import { createSignatureCheck } from '#shared/signing/signature-check.ts'

const used = new Set<string>()
const nonces: Nonces = {
  async use({ owner, nonce }) {
    const isFirst = !used.has(owner + nonce)
    used.add(owner + nonce)
    return isFirst
  },
}

const signatures = createSignatureCheck({
  masters: parseKeyring('k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8'),
  appId: 'wx5a1b2c3d4e5f6071',
  partners: parsePartnerKeys(''),
  nonces,
  clock: Date.now,
  publicHosts: [],
  publicBasePath: '',
  explain: false,
})

const session = { userId: 'u', sessionId: '7f3c2a10-0000-4000-8000-000000000001', generation: 4 }

/** Answers with who signed the request, or with the fault's name; what a test sends is told as it arrived. */
export default {
  name: 'signed',
  async fetch(request, { signal }) {
    const body = async () => new Uint8Array(await request.arrayBuffer())
    const call = { request, body, session: async () => session, demand: 'required' } as const
    const outcome = await signatures.verify(call, signal).then(
      (signed) => signed?.kid ?? 'unsigned',
      (error: unknown) => (error instanceof Fault ? error.error : 'internal'),
    )
    return new Response(`${outcome} ${new URL(request.url).pathname}`)
  },
} satisfies App
