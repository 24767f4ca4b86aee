import { createDecipheriv, createHash } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { mayControl } from '#scripts/emulator/answer-control.ts'
import { APP_ID, startAsker } from './ask.ts'

const asker = await startAsker()
const { standIn } = asker

async function control(
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; data: unknown }> {
  const init = { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }
  const response = await fetch(`${standIn.url}/_control/${path}`, init)
  return { status: response.status, data: await response.json() }
}

describe('the control API of the stand-in', () => {
  test('mints a login code that works once', async () => {
    const { data } = await control('POST', 'login-codes', { name: 'alice' })

    const code = typeof data === 'object' && data !== null && 'code' in data ? String(data.code) : ''
    const answers = [await asker.logIn(code), await asker.logIn(code)]

    expect(data).toMatchObject({ expiresInS: 300, openid: answers[0]?.['openid'] })
    expect(answers[1]).toMatchObject({ errcode: 40163 })
  })

  test('lists people, counts calls, and forgets both on reset', async () => {
    const { openid } = await asker.logIn('dev-alice')

    const before = [await control('GET', 'identities'), await control('GET', 'calls')]
    await control('POST', 'reset')
    const after = [await control('GET', 'identities'), await control('GET', 'calls')]

    expect(before).toMatchObject([
      { data: [{ name: 'alice', openid }] },
      { data: { '/sns/jscode2session': 1 } },
    ])
    expect(after.map(({ data }) => data)).toEqual([[], {}])
  })

  test('gives what older clients send, made under the current session_key', async () => {
    const { session_key: sessionKey, openid } = await asker.logIn('dev-alice')

    const { data } = await control('POST', 'user-info', { name: 'alice', profile: { nickName: '爱丽丝' } })

    const { rawData, signature, encryptedData, iv } = data as Record<string, string>
    const key = Buffer.from(String(sessionKey), 'base64')
    const decipher = createDecipheriv('aes-128-cbc', key, Buffer.from(iv ?? '', 'base64'))
    const plain: unknown = JSON.parse(
      decipher.update(encryptedData ?? '', 'base64', 'utf8') + decipher.final('utf8'),
    )
    expect(signature).toBe(
      createHash('sha1')
        .update(`${rawData}${String(sessionKey)}`)
        .digest('hex'),
    )
    expect(plain).toMatchObject({ openId: openid, nickName: '爱丽丝', watermark: { appid: APP_ID } })
  })

  test('gives a client its user key, another one after twenty minutes', async () => {
    const keys = [
      await control('POST', 'user-keys', { name: 'alice' }),
      await control('POST', 'user-keys', { name: 'alice' }),
      await control('POST', 'user-keys', { name: 'bob' }),
    ].map(({ data }) => data)
    asker.now += 1_200_000
    const later = await control('POST', 'user-keys', { name: 'alice' })

    expect(keys[0]).toEqual({
      encryptKey: expect.stringMatching(/^[\w+/]{22}==$/),
      iv: expect.stringMatching(/^[0-9a-f]{16}$/),
      version: 1,
      expireTime: expect.any(Number),
    })
    expect(keys[1]).toEqual(keys[0])
    expect(keys[2]).not.toMatchObject({ encryptKey: (keys[0] as { encryptKey: string }).encryptKey })
    expect(later.data).toMatchObject({ version: 2 })
  })

  test('makes an endpoint fail a number of times and then work', async () => {
    await control('POST', 'failures', { endpoint: '/sns/jscode2session', errcode: -1, times: 2 })

    const answers = [
      await asker.logIn('dev-alice'),
      await asker.logIn('dev-alice'),
      await asker.logIn('dev-alice'),
    ]

    expect(answers).toMatchObject([{ errcode: -1 }, { errcode: -1 }, { openid: expect.any(String) }])
  })

  test('scripts a status, a text, a length and a dropped connection', async () => {
    const path = '/cgi-bin/token'
    for (const failure of [
      { status: 503 },
      { body: '<html>' },
      { bodyBytes: 100_000 },
      { connection: 'drop' },
    ]) {
      await control('POST', 'failures', { endpoint: path, times: 1, ...failure })
    }

    const status = (await fetch(`${standIn.url}${path}`)).status
    const text = await (await fetch(`${standIn.url}${path}`)).text()
    const length = (await (await fetch(`${standIn.url}${path}`)).text()).length
    const dropped = await fetch(`${standIn.url}${path}`, { keepalive: false }).catch(() => 'dropped')

    expect([status, text, length, dropped]).toEqual([503, '<html>', 100_000, 'dropped'])
  })

  test('does the work of a call whose answer gets lost, when told so', async () => {
    const { code } = standIn.control.mintLoginCode('alice')
    standIn.control.fail({ endpoint: '/sns/jscode2session', status: 502, afterWork: true, times: 1 })

    await expect(asker.logIn(code)).rejects.toThrow('HTTP 502')

    expect(await asker.logIn(code)).toMatchObject({ errcode: 40163 })
  })

  test('refuses unknown routes and fields, and bodies that are not JSON', async () => {
    const unknown = await control('GET', 'nothing')
    const field = await control('POST', 'failures', { endpoint: '*', latency: 5 })
    const notJson = await fetch(`${standIn.url}/_control/reset`, { method: 'POST', body: '{' })

    expect([unknown.status, field.status, notJson.status]).toEqual([404, 400, 400])
  })

  test('refuses web pages', async () => {
    const headers = { origin: 'https://example.com' }
    const response = await fetch(`${standIn.url}/_control/reset`, { method: 'POST', headers })

    expect(response.status).toBe(403)
  })

  test.each([
    ['127.0.0.1', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['192.168.1.7', false],
    ['::ffff:10.0.0.1', false],
    ['1.127.0.0', false],
    [undefined, false],
  ])('answers the peer %s: %s', (remoteAddress, allowed) => {
    const request = { headers: {}, socket: { remoteAddress } } as Parameters<typeof mayControl>[0]

    expect(mayControl(request)).toBe(allowed)
  })

  test('leaves the rest of the paths to WeChat, which knows no others', async () => {
    expect(await asker.get('/unknown')).toMatchObject({ errcode: 40066 })
  })
})
