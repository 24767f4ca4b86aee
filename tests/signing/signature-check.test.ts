import { randomBytes } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { Fault } from '#shared/errors.ts'
import type { Demand } from '#shared/signing/signature-check.ts'
import { userSigningKey } from '#shared/signing/user-signing-key.ts'
import { APP_ID, memoryNonces, session, type SettingOptions, signingSetting } from './setting.ts'

const encryptKey = randomBytes(16)
const URL_CALLED = 'https://api.example.com/api/v1/user/phone'

function setting(options: SettingOptions = {}) {
  const userKey = async (_: unknown, version: number) => (version === 7 ? encryptKey : undefined)
  return signingSetting({ nonces: memoryNonces(), userKey, ...options })
}

function call(init: RequestInit = {}): Request {
  return new Request(URL_CALLED, { method: 'POST', body: '{}', ...init })
}

function signAsUser(one: ReturnType<typeof setting>, version: number): Promise<Request> {
  const key = userSigningKey(encryptKey, { appId: APP_ID, sessionId: session.sessionId, version })
  return one.sign(call(), { kid: `wx.${version}`, key })
}

describe('a route takes the kinds of signatures it demands', () => {
  const kinds = {
    none: async () => call(),
    session: (one: ReturnType<typeof setting>) => one.sign(call()),
    'user-key': (one: ReturnType<typeof setting>) => signAsUser(one, 7),
    partner: (one: ReturnType<typeof setting>) => one.signAsPartner(call()),
  }
  const answers: Readonly<Record<Demand, Readonly<Record<keyof typeof kinds, string>>>> = {
    optional: {
      none: 'unsigned',
      session: 'session k2',
      'user-key': 'user-key wx.7',
      partner: 'signature_invalid',
    },
    required: {
      none: 'bad_request',
      session: 'session k2',
      'user-key': 'user-key wx.7',
      partner: 'signature_invalid',
    },
    'user-key': {
      none: 'bad_request',
      session: 'signature_invalid',
      'user-key': 'user-key wx.7',
      partner: 'signature_invalid',
    },
    partner: {
      none: 'bad_request',
      session: 'signature_invalid',
      'user-key': 'signature_invalid',
      partner: 'partner acme.k1',
    },
  }

  test.each(Object.entries(answers))('%s', async (demand, expected) => {
    const one = setting()
    const seen: Record<string, string> = {}

    for (const [kind, sign] of Object.entries(kinds)) {
      seen[kind] = await one.outcome(await sign(one), { demand: demand as Demand }) // a key of the table
    }

    expect(seen).toEqual(expected)
  })
})

describe('a signature', () => {
  test('that is missing where it is demanded is said to be', async () => {
    expect(await setting().verify(call())).toMatchObject({
      error: 'bad_request',
      details: [{ header: 'X-Signature', message: expect.stringMatching(/^is required here: sign with /) }],
    })
  })

  test.each(['required', 'user-key'] as const)(
    'without an access token is nobody’s where it is %s, whatever the key and the clock',
    async (demand) => {
      const one = setting()
      const without = { demand, session: async () => undefined }
      const sent = [
        await one.sign(call()),
        await signAsUser(one, 7),
        await one.signAsPartner(call()),
        await one.sign(call(), { kid: 'k9', key: randomBytes(32) }),
      ]

      const atOnce = await Promise.all(sent.map((request) => one.outcome(request, without)))
      one.advance(301_000)
      const later = await Promise.all(sent.map((request) => one.outcome(request, without)))

      expect(new Set([...atOnce, ...later])).toEqual(new Set(['unauthenticated']))
    },
  )

  test('without an access token is wrong where nobody demands one', async () => {
    const one = setting()
    const without = { demand: 'optional', session: async () => undefined } as const

    expect(await one.outcome(await one.sign(call()), without)).toBe('signature_invalid')
    expect(await one.outcome(await signAsUser(one, 7), without)).toBe('signature_invalid')
  })

  test('of a partner vouches for nobody’s access token: not one who stole it, nor in whose name it is sent', async () => {
    const one = setting()
    const withToken = await one.signAsPartner(call({ headers: { authorization: 'Bearer stolen' } }))
    const overSession = await one.sign(call(), { kid: 'acme.k1', key: one.partnerKeyOf('acme.k1') })

    for (const demand of ['optional', 'required', 'user-key'] as const) {
      expect(await one.outcome(withToken, { demand })).toBe('signature_invalid')
      expect(await one.outcome(overSession, { demand })).toBe('signature_invalid')
    }
    expect(
      await one.outcome(await one.signAsPartner(call()), {
        demand: 'optional',
        session: async () => undefined,
      }),
    ).toBe('signature_invalid')
  })

  test('is judged by shape, then the token, then the clock, then the MAC, then the nonce', async () => {
    const one = setting()
    const expired = async () => {
      throw new Fault('token_expired')
    }
    const good = await one.sign(call())
    const malformed = call({ headers: { 'x-signature': 'v1' } })
    const forged = await one.sign(call(), { key: randomBytes(32) })
    const ofPartner = await one.signAsPartner(call())

    const atOnce = [
      await one.outcome(malformed, { session: expired }),
      await one.outcome(forged, { session: expired }),
      await one.outcome(ofPartner, { session: expired }),
      await one.outcome(forged),
      await one.outcome(good),
      await one.outcome(good),
    ]
    one.advance(301_000)
    const later = [await one.outcome(malformed), await one.outcome(forged), await one.outcome(good)]

    expect(atOnce).toEqual([
      'bad_request',
      'token_expired',
      'token_expired',
      'signature_invalid',
      'session k2',
      'request_replayed',
    ])
    expect(later).toEqual(['bad_request', 'clock_skew', 'clock_skew'])
  })

  test('where a partner has to sign asks for no session', async () => {
    const one = setting()
    const session = () => Promise.reject(new TypeError('The session was asked for'))

    expect(await one.outcome(await one.sign(call()), { demand: 'partner', session })).toBe(
      'signature_invalid',
    )
    expect(await one.outcome(await one.signAsPartner(call()), { demand: 'partner', session })).toBe(
      'partner acme.k1',
    )
  })

  test('of another partner than the path names is wrong', async () => {
    const one = setting()
    const signed = await one.signAsPartner(call(), 'globex.k1')

    expect(await one.outcome(signed, { demand: 'partner', partner: 'acme' })).toBe('signature_invalid')
    expect(await one.outcome(signed, { demand: 'partner', partner: 'globex' })).toBe('partner globex.k1')
  })

  test('with WeChat’s user key counts in the version WeChat has, and not where nobody asks WeChat', async () => {
    const one = setting()
    const without = setting({ userKey: undefined })

    expect(await one.outcome(await signAsUser(one, 6))).toBe('signature_invalid')
    expect(await without.outcome(await signAsUser(without, 7))).toBe('signature_invalid')
    expect(await one.outcome(await one.sign(call(), { kid: 'wx.07' }))).toBe('signature_invalid')
  })

  test('a failure of WeChat is told as one', async () => {
    const one = setting({ userKey: () => Promise.reject(new Fault('upstream_timeout')) })

    expect(await one.outcome(await signAsUser(one, 7))).toBe('upstream_timeout')
  })
})

describe('behind a gateway', () => {
  test('that rewrites Host, each public name counts and Host does not', async () => {
    const one = setting({ publicHosts: ['old.example.com', 'API.example.com:443'] })
    const behind = async (host: string) => {
      const signed = await one.sign(
        new Request(`https://${host}/api/v1/user/phone`, { method: 'POST', body: '{}' }),
      )
      return new Request('http://10.0.0.7:9000/api/v1/user/phone', {
        method: 'POST',
        body: '{}',
        headers: { ...Object.fromEntries(signed.headers), host: 'evil.example.com' },
      })
    }

    expect(await one.outcome(await behind('api.example.com'))).toBe('session k2')
    expect(await one.outcome(await behind('old.example.com'))).toBe('session k2')
    expect(await one.outcome(await behind('evil.example.com'))).toBe('signature_invalid')
    expect(await one.outcome(await behind('10.0.0.7:9000'))).toBe('signature_invalid')
  })

  test('that strips a prefix, the path counts as the client called it', async () => {
    const one = setting({ publicBasePath: '/prod' })
    const signed = await one.sign(
      new Request(URL_CALLED.replace('/api/v1', '/prod/api/v1'), { method: 'POST', body: '{}' }),
    )
    const arrived = new Request(URL_CALLED, { method: 'POST', body: '{}', headers: signed.headers })

    expect(await one.outcome(arrived)).toBe('session k2')
    expect(await one.outcome(await one.sign(call()))).toBe('signature_invalid')
  })
})
