import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { startShop, type ShopStandIn } from '#scripts/emulator/shop/start-shop.ts'
import { type News, openNews } from '#shared/backend/news.ts'
import type { OutboxRow } from '#shared/db/tables/outbox.ts'
import { type Backend, startBackend } from '#tests/backend.ts'

const never = new AbortController().signal
const key = new Uint8Array(32).fill(7)

let backend: Backend
let shop: ShopStandIn
let news: News
beforeAll(async () => {
  backend = await startBackend()
  shop = await startShop({ key })
})
beforeEach(async () => {
  await (await backend.database.sql()).deleteFrom('outbox').execute()
  const webhook = { url: new URL(`${shop.url}/hook`), key }
  const settings = { webhook, eventBus: undefined, retryWaitsS: [10, 60], subscribe: undefined }
  const { parts, outbound } = backend
  news = openNews(settings, { ...parts, outbound })
  const sql = await backend.database.sql()
  await sql
    .transaction()
    .execute((own) => news.tell(own, { topic: 'order.paid', payload: {}, requestId: 'r' }, never))
})
afterAll(async () => {
  await shop?.stop()
  await backend?.close()
})

async function message(): Promise<OutboxRow> {
  return (await backend.database.sql()).selectFrom('outbox').selectAll().executeTakeFirstOrThrow()
}

test('news is delivered at once where the shop answers', async () => {
  await news.deliver(never)

  expect(await message()).toMatchObject({ state: 'done', attempts: 1 })
})

test('whoever waits for an answer does not wait for a shop that is silent', async () => {
  shop.fail({ how: 'silent' })

  await news.deliver(never)

  // The delivery is under way still, and has neither succeeded nor failed.
  expect(await message()).toMatchObject({ state: 'waiting', attempts: 1, last_error: null })
})

test('a caller whose own time ends first has nothing to report', async () => {
  shop.fail({ how: 'silent' })

  await news.deliver(AbortSignal.timeout(50))

  expect(await message()).toMatchObject({ state: 'waiting' })
})
