import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { addressesOf } from '#scripts/dev/addresses.ts'
import { fire } from '#scripts/invoke/fire/fire.ts'
import { fireTimer } from '#scripts/invoke/fire-timer.ts'
import { temporaryFolder } from '#tests/services/servers.ts'
import { type Client, createClient } from './client.ts'
import { type DevCommand, runDevCommand, startDevCommand } from './dev-command.ts'

let cloud: DevCommand
let client: Client
let token: string
beforeAll(async () => {
  cloud = await startDevCommand({ env: { PAYMENT_PARTNER: 'local' } })
  client = createClient(cloud.url)
  token = (await client.signIn('alice')).accessToken
}, 90_000)
afterAll(() => cloud?.end('SIGTERM'))

const order = () => client.call('/orders', { token, body: { description: '月饼', amountFen: 100 } })
const find = async (no: string) => (await client.call(`/orders/${no}`, { token })).body.data

async function fired(...args: readonly string[]): Promise<readonly string[]> {
  const out: string[] = []
  await fire(args, {
    runningOn: () => addressesOf(cloud.folder),
    out: (line) => out.push(line),
    note: () => {},
  })
  return out.map((line) => line.replace(/, \d+ ms$/, ''))
}

test('says that orders are paid at its partner', () => {
  expect(cloud.banner()).toMatch(/Partner +local, stand-in at http:\S+; orders are paid there\n/)
})

test('an order is paid at the partner and paid back, however its notices come', async () => {
  const { no, payment } = (await order()).body.data

  const tampered = await fired('partner-success', '--flaw', 'tampered')
  const before = await find(no)
  const paid = await fired('partner-success', '--order', no, '--reordered')
  const after = await find(no)
  await client.call(`/orders/${no}/refund`, { token, body: { amountFen: 30 } })
  const refunded = await fired('partner-refund-success', '--reordered')

  expect(payment).toEqual({ paymentId: expect.stringMatching(/^pay_/) })
  expect(tampered).toEqual([`payment of order ${no} (tampered): 403 signature_invalid`])
  expect([before.status, after.status]).toEqual(['paying', 'paid'])
  expect(paid).toEqual([`payment of order ${no}: 204`, `payment of order ${no}: 204`])
  expect(refunded).toEqual([expect.stringMatching(/^refund \w+: 204$/), `payment of order ${no}: 204`])
  expect(await find(no)).toMatchObject({ status: 'paid', refundedFen: 30 })
})

test('a partner that is down fails the order, and takes the next one once it has recovered', async () => {
  await fired('partner-fails', '--how', 'redirect', '--times', '9999')
  const failed = await order()
  await fired('partner-recovers')
  const placed = await order()

  expect([failed.status, failed.body.error]).toEqual([502, 'upstream_failed'])
  expect([placed.status, placed.body.data.status]).toEqual([201, 'paying'])
})

test('a payment that the partner does not tell of is asked about', async () => {
  const { no } = (await order()).body.data
  await fired('partner-lost', '--order', no)

  // Asked about two seconds after it was placed, and not before.
  const deadline = Date.now() + 20_000
  let status = ''
  while (status !== 'paid' && Date.now() < deadline) {
    await fireTimer({ timerOf: 'reconcile', url: cloud.url, noFail: false }, { out: () => {} })
    ;({ status } = await find(no))
  }

  expect(status).toBe('paid')
})

test('a setting that nothing uses stops it in order, and is named', async () => {
  const folder = temporaryFolder()
  const env = { WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}` }

  const run = runDevCommand({ folder, env })

  expect(await run.exit).toBe(1)
  expect(run.output().trim()).toBe(
    'Cannot read configuration:\n  - WEBHOOK_SECRET is set, but nothing uses it without WEBHOOK_URL',
  )
  expect(existsSync(join(folder, 'owner'))).toBe(false)
}, 60_000)
