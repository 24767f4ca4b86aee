import { createHmac } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { type Fields, startAsker } from './ask.ts'

const asker = await startAsker()

function sign(sessionKey: unknown): string {
  return createHmac('sha256', String(sessionKey)).update('').digest('hex')
}

async function signed(
  path: string,
  user: Fields,
  change: Readonly<Record<string, string>> = {},
): Promise<Fields> {
  const query = {
    openid: String(user['openid']),
    signature: sign(user['session_key']),
    sig_method: 'hmac_sha256',
  }
  return asker.get(path, { access_token: await asker.token(), ...query, ...change })
}

describe('the session calls of the stand-in', () => {
  test('say whether a session_key is the current one', async () => {
    const old = await asker.logIn('dev-alice')
    const current = await asker.logIn('dev-alice')

    const answers = [await signed('/wxa/checksession', old), await signed('/wxa/checksession', current)]

    expect(answers).toMatchObject([{ errcode: 87009 }, { errcode: 0 }])
  })

  test('replace the session_key', async () => {
    const old = await asker.logIn('dev-alice')

    const reset = await signed('/wxa/resetusersessionkey', old)
    const again = await signed('/wxa/resetusersessionkey', old)

    expect(reset).toMatchObject({ errcode: 0, openid: old['openid'] })
    expect(await signed('/wxa/checksession', reset)).toMatchObject({ errcode: 0 })
    expect(again).toMatchObject({ errcode: 87009 })
  })

  test('list the latest three encryption keys, newest first', async () => {
    const user = await asker.logIn('dev-alice')

    const lists: unknown[] = []
    for (let i = 0; i < 5; i += 1) {
      lists.push((await signed('/wxa/business/getuserencryptkey', user))['key_info_list'])
      asker.now += 1_200_000
    }

    expect(lists[0]).toMatchObject([
      { version: 1, expire_in: 3_600, iv: expect.stringMatching(/^[0-9a-f]{16}$/) },
    ])
    expect(lists[4]).toMatchObject([{ version: 5 }, { version: 4 }, { version: 3, expire_in: 1_200 }])
  })

  test('go on listing an encryption key that has expired, with no time left', async () => {
    const user = await asker.logIn('dev-alice')
    await signed('/wxa/business/getuserencryptkey', user)
    asker.now += 3_600_000

    const { key_info_list: keys } = await signed('/wxa/business/getuserencryptkey', user)

    expect(keys).toMatchObject([
      { version: 2, expire_in: 3_600 },
      { version: 1, expire_in: 0 },
    ])
  })

  test('give the client and the server the same key', async () => {
    const user = await asker.logIn('dev-alice')

    const client = asker.standIn.control.userKey('alice')
    const server = await signed('/wxa/business/getuserencryptkey', user)

    const { encryptKey: encrypt_key, iv, version } = client
    expect(server['key_info_list']).toMatchObject([{ encrypt_key, iv, version }])
    expect(client.expireTime).toBe(asker.now / 1_000 + 3_600)
  })

  test.each([
    ['an unknown openid', { openid: 'o-nobody' }, 40003],
    ['another signature method', { sig_method: 'md5' }, 87008],
    ['a wrong signature', { signature: 'x' }, 87009],
    ['no token', { access_token: '' }, 41001],
  ])('refuse %s', async (_, change, errcode) => {
    const user = await asker.logIn('dev-alice')

    expect(await signed('/wxa/checksession', user, change)).toMatchObject({ errcode })
  })

  test('refuse a session_key of more than three days', async () => {
    const user = await asker.logIn('dev-alice')
    asker.now += 3 * 24 * 3_600_000

    expect(await signed('/wxa/resetusersessionkey', user)).toMatchObject({ errcode: 87007 })
    expect(await signed('/wxa/checksession', user)).toMatchObject({ errcode: 87009 })
  })
})
