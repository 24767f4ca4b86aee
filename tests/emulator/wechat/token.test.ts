import { describe, expect, test } from '@jest/globals'
import { APP_ID, APP_SECRET, type Fields, startAsker, TOKEN_REQUEST } from './ask.ts'

const asker = await startAsker()
const PLAIN = { grant_type: 'client_credential', appid: APP_ID, secret: APP_SECRET }

const stable = (more: Fields = {}) => asker.post('/cgi-bin/stable_token', { ...TOKEN_REQUEST, ...more })
const plain = () => asker.get('/cgi-bin/token', PLAIN)

/** What an API says about the token: 40003 is about the openid, so the token was taken. */
async function verdictOn(token: unknown): Promise<unknown> {
  const query = { openid: 'nobody', signature: '', sig_method: 'hmac_sha256' }
  const answer = await asker.get('/wxa/checksession', { ...query, access_token: String(token) })
  return answer['errcode']
}

const TAKEN = 40003

describe('POST /cgi-bin/stable_token of the stand-in', () => {
  test('gives everyone the same token with the time it has left', async () => {
    const first = await stable()
    asker.now += 3_600_000
    const second = await stable({ force_refresh: false })

    expect(first['expires_in']).toBe(7_200)
    expect(second).toEqual({ access_token: first['access_token'], expires_in: 3_600 })
  })

  test('renews the token in its last 5 minutes, while the old one still works', async () => {
    const first = await stable()
    asker.now += (7_200 - 299) * 1_000

    const second = await stable()
    const verdicts = [await verdictOn(first['access_token']), await verdictOn(second['access_token'])]

    expect(second['access_token']).not.toBe(first['access_token'])
    expect(verdicts).toEqual([TAKEN, TAKEN])
  })

  test('ends the token before when a refresh is forced, at most every 30 s', async () => {
    const first = await stable()

    const forced = await stable({ force_refresh: true })
    const tooSoon = await stable({ force_refresh: true })
    asker.now += 30_000
    const later = await stable({ force_refresh: true })

    expect(await verdictOn(first['access_token'])).toBe(40001)
    expect(await verdictOn(forced['access_token'])).toBe(40001)
    expect(tooSoon).toMatchObject({ errcode: 45011 })
    expect(await verdictOn(later['access_token'])).toBe(TAKEN)
  })

  test('forces 20 refreshes a day', async () => {
    for (let i = 0; i < 20; i += 1) {
      await stable({ force_refresh: true })
      asker.now += 30_000
    }

    const answer = await stable({ force_refresh: true })
    asker.now += 24 * 3_600_000
    const nextDay = await stable({ force_refresh: true })

    expect(answer).toMatchObject({ errcode: 45009 })
    expect(nextDay).toHaveProperty('access_token')
  })

  test.each([
    ['a wrong secret', { secret: 'wrong' }, 40125],
    ['another appid', { appid: 'wx9' }, 40013],
    ['no appid', { appid: undefined }, 41002],
    ['no secret', { secret: undefined }, 41004],
    ['another grant type', { grant_type: 'x' }, 40002],
  ])('refuses %s', async (_, change, errcode) => {
    expect(await stable(change)).toMatchObject({ errcode })
  })

  test('refuses GET and a body that is not JSON', async () => {
    const got = await asker.get('/cgi-bin/stable_token', PLAIN)
    const send = (body: string) =>
      fetch(`${asker.standIn.url}/cgi-bin/stable_token`, { method: 'POST', body }).then((response) =>
        response.json(),
      )

    expect(got).toMatchObject({ errcode: 43002 })
    expect(await send('{')).toMatchObject({ errcode: 47001 })
    expect(await send('[]')).toMatchObject({ errcode: 47001 })
    expect(await send('')).toMatchObject({ errcode: 44002 })
  })
})

describe('GET /cgi-bin/token of the stand-in', () => {
  test('gives another token each time; the one before works 5 minutes more', async () => {
    const first = await plain()
    const second = await plain()

    asker.now += 299_000
    const before = await verdictOn(first['access_token'])
    asker.now += 1_000
    const after = await verdictOn(first['access_token'])

    expect([before, after]).toEqual([TAKEN, 42001])
    expect(await verdictOn(second['access_token'])).toBe(TAKEN)
  })

  test('does not touch the stable token', async () => {
    const kept = await stable()

    await plain()

    expect(await stable()).toEqual(kept)
  })
})

describe('an access token', () => {
  test('is missing, malformed, unknown or expired, each with its own errcode', async () => {
    const token = await asker.token()
    asker.now += 7_200_000

    const verdicts = [
      await verdictOn(''),
      await verdictOn('short'),
      await verdictOn('x'.repeat(136)),
      await verdictOn(token),
    ]

    expect(verdicts).toEqual([41001, 40014, 40001, 42001])
  })

  test('is unknown after an operator revoked all of them', async () => {
    const token = await asker.token()

    asker.standIn.control.revokeTokens()

    expect(await verdictOn(token)).toBe(40001)
  })
})
