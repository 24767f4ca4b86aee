import { describe, expect, test } from '@jest/globals'
import { APP_ID, type Fields, startAsker } from './ask.ts'

const asker = await startAsker()

async function rank(name: string, change: Fields = {}): Promise<Fields> {
  const { openid } = await asker.logIn(`dev-${name}`)
  return ask({ openid, ...change })
}

async function ask(body: Fields): Promise<Fields> {
  const whole = { appid: APP_ID, scene: 0, client_ip: '203.0.113.7', ...body }
  return asker.post('/wxa/getuserriskrank', whole, { access_token: await asker.token() })
}

describe('the risk rank of the stand-in', () => {
  test.each([
    ['alice', 0],
    ['mallory-risk1', 1],
    ['risk4', 4],
    ['risk4-alice', 0],
  ])('of %s is %i', async (name, expected) => {
    expect(await rank(name)).toMatchObject({
      errcode: 0,
      risk_rank: expected,
      unoin_id: expect.any(Number),
    })
  })

  test.each([
    ['an unknown openid', { openid: 'o-nobody' }, 40003],
    ['another mini-program', { appid: 'wx1111111111111111' }, 43104],
    ['another scene', { scene: 2 }, 40129],
    ['no address', { client_ip: undefined }, 47001],
  ])('is not told for %s', async (_, change, errcode) => {
    expect(await rank('alice', change)).toMatchObject({ errcode })
  })

  test('is not told two hours after the last visit', async () => {
    const { openid } = await asker.logIn('dev-alice')
    asker.now += 2 * 3_600_000
    const still = await ask({ openid })
    asker.now += 1

    expect(still).toMatchObject({ errcode: 0 })
    expect(await ask({ openid })).toMatchObject({ errcode: 61010 })
  })
})
