import { describe, expect, test } from '@jest/globals'
import { APP_ID, APP_SECRET, startAsker } from './ask.ts'

const asker = await startAsker({ loginsPerMinute: 3 })
const { standIn } = asker

describe('GET /sns/jscode2session of the stand-in', () => {
  test('gives a fixed name the same openid and unionid each time, and another session_key', async () => {
    const first = await asker.logIn('dev-alice')
    const second = await asker.logIn('dev-alice')
    const bob = await asker.logIn('dev-bob')

    expect(second).toMatchObject({ openid: first['openid'], unionid: first['unionid'] })
    expect(second['session_key']).not.toBe(first['session_key'])
    expect(bob['openid']).not.toBe(first['openid'])
    expect(first['openid']).toMatch(/^o[\w-]{27}$/)
    expect(Buffer.from(String(first['session_key']), 'base64')).toHaveLength(16)
  })

  test.each(['dev-alice.7f3a', 'minted'])('takes the one-time code %s once', async (which) => {
    const code = which === 'minted' ? standIn.control.mintLoginCode('alice').code : which

    const first = await asker.logIn(code)
    const second = await asker.logIn(code)

    expect(first['openid']).toBe(standIn.control.mintLoginCode('alice').openid)
    expect(second).toMatchObject({
      errcode: 40163,
      errmsg: expect.stringMatching(/^code been used rid: [\w-]+$/),
    })
  })

  test('refuses a code after 5 minutes', async () => {
    const codes = [standIn.control.mintLoginCode('alice').code, standIn.control.mintLoginCode('alice').code]

    asker.now += 5 * 60_000 - 1
    const inTime = await asker.logIn(codes[0] ?? '')
    asker.now += 1
    const late = await asker.logIn(codes[1] ?? '')

    expect(inTime).toHaveProperty('openid')
    expect(late).toMatchObject({ errcode: 40029 })
  })

  test('limits the logins of one person a minute, and not of another', async () => {
    for (let i = 0; i < 3; i += 1) await asker.logIn('dev-alice')

    const fourth = await asker.logIn('dev-alice')
    const bob = await asker.logIn('dev-bob')
    asker.now += 60_000
    const nextMinute = await asker.logIn('dev-alice')

    expect(fourth).toMatchObject({ errcode: 45011 })
    expect(bob).toHaveProperty('openid')
    expect(nextMinute).toHaveProperty('openid')
  })

  test.each([
    ['an unknown code', { js_code: 'nonsense' }, 40029],
    ['a name with other characters', { js_code: 'dev-al/ice' }, 40029],
    ['no code', { js_code: '' }, 41008],
    ['a person blocked by risk control', { js_code: 'dev-blocked' }, 40226],
    ['another appid', { appid: 'wx9' }, 40013],
    ['no appid', { appid: '' }, 41002],
    ['a wrong secret', { secret: 'wrong' }, 40125],
    ['no secret', { secret: '' }, 41004],
    ['another grant type', { grant_type: 'client_credential' }, 40002],
  ])('refuses %s', async (_, change, errcode) => {
    const query = {
      appid: APP_ID,
      secret: APP_SECRET,
      js_code: 'dev-alice',
      grant_type: 'authorization_code',
    }

    const answer = await asker.get('/sns/jscode2session', { ...query, ...change })

    expect(answer).toMatchObject({ errcode })
    expect(answer).not.toHaveProperty('openid')
  })

  test('refuses POST', async () => {
    const answer = await asker.post('/sns/jscode2session', {})

    expect(answer).toMatchObject({ errcode: 43001 })
  })
})
