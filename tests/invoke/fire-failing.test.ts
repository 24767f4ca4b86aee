import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { FAILURES } from '#scripts/emulator/partner/failures.ts'
import { type PartnerStandIn, startPartner } from '#scripts/emulator/partner/start-partner.ts'
import { type ShopStandIn, startShop } from '#scripts/emulator/shop/start-shop.ts'
import { fire } from '#scripts/invoke/fire/fire.ts'

const key = new Uint8Array(32).fill(7)
const MUCH = 1_000_000

let shop: ShopStandIn
let partner: PartnerStandIn
beforeAll(async () => {
  shop = await startShop({ key })
  partner = await startPartner({ key: { partner: 'acme', kid: 'acme.k1', key } })
})
afterAll(() => Promise.all([shop?.stop(), partner?.stop()]))

async function run(...args: readonly string[]) {
  const out: string[] = []
  const cloud = { api: 'http://127.0.0.1:1', shopUrl: shop.url, partnerUrl: partner.url }
  const code = await fire(args, { runningOn: () => cloud, out: (line) => out.push(line), note: () => {} })
  return { code, out: out.map((line) => line.replace(/\d+ ms/, 'n ms')) }
}

/** What a call meets: a status, or what becomes of it otherwise. */
async function meets(url: string): Promise<number | string> {
  try {
    const signal = AbortSignal.timeout(300)
    const response = await fetch(`${url}/hook`, { method: 'POST', body: '{}', redirect: 'manual', signal })
    let bytes = 0
    for await (const piece of response.body ?? []) {
      bytes += piece.length
      if (bytes > MUCH) return 'huge'
    }
    return response.status
  } catch (error) {
    return error instanceof DOMException && error.name === 'TimeoutError' ? 'slow' : 'reset'
  }
}

const MET: Readonly<Record<string, number | string>> = {
  '500': 500,
  '429': 429,
  slow: 'slow',
  huge: 'huge',
  redirect: 307,
  reset: 'reset',
}

test.each(Object.keys(FAILURES))('the shop and the partner fail by %s until they recover', async (how) => {
  for (const [who, url, usually] of [
    ['shop', shop.url, 401],
    ['partner', partner.url, 200],
  ] as const) {
    const failing = await run(`${who}-fails`, '--how', how, '--times', '9999')
    const met = [await meets(url), await meets(url)]
    const recovered = await run(`${who}-recovers`)

    const calls = who === 'shop' ? 'deliveries' : 'calls'
    expect(failing).toEqual({ code: 0, out: [`the ${who} fails (${how}): 200 the next 9999 ${calls}, n ms`] })
    expect(met).toEqual([MET[how], MET[how]])
    expect(recovered).toEqual({ code: 0, out: [`the ${who} recovers: 200 the next ${calls} succeed, n ms`] })
    expect(await meets(url)).toBe(usually)
  }
})

test('they fail as often as they are told', async () => {
  const { out } = await run('partner-fails', '--times', '1')

  expect(out).toEqual(['the partner fails (500): 200 the next call, n ms'])
  expect([await meets(partner.url), await meets(partner.url)]).toEqual([500, 200])
})

test.each([
  [['partner-fails', '--how', '418'], '--how is one of 429, 500, slow, huge, redirect, reset'],
  [['shop-fails', '--times', '0'], '--times is from 1 to 9999'],
  [['partner-success', '--flaw', 'probe'], '--flaw is one of unsigned, stale, tampered'],
  [['partner-success'], 'no order has come in yet'],
  [['partner-refund-closed', '--refund', 'nobody-knows'], 'unknown_refund'],
])('%j is refused in plain words', async (args, message) => {
  await expect(run(...args)).rejects.toThrow(message)
})

test('a partner of the developer’s own is not told to fail', async () => {
  const real = () =>
    fire(['partner-fails'], { runningOn: () => ({ api: '' }), out: () => {}, note: () => {} })

  await expect(real()).rejects.toThrow('The local cloud has no partner of its own')
})

test('web pages do not control the stand-ins', async () => {
  const from = { method: 'POST', headers: { origin: 'https://evil.example' }, body: '{"how":"500"}' }

  const answers = [shop, partner].map(({ url }) => fetch(`${url}/_control/failures`, from))

  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([403, 403])
})
