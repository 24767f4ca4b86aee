import { Buffer } from 'node:buffer'
import { describe, expect, test } from '@jest/globals'
import type { Wechat } from '#shared/wechat/wechat.ts'
import { faultOf, startSetting } from './instances.ts'

const setting = await startSetting()
const { standIn, instance, calls } = setting
const { signal } = new AbortController()
const KEYS = '/wxa/business/getuserencryptkey'

/** Somebody who has just logged in. */
async function person(wechat: Wechat, name = 'alice') {
  const { openid, sessionKey } = await wechat.codeExchange(`dev-${name}`, signal)
  return {
    openid,
    read: (version: number) => wechat.userKey(openid, sessionKey, version, signal),
    sessionKey,
  }
}

/** What the client would get: the latest key, which WeChat tells the server alike. */
async function latestKey(wechat: Wechat, { openid, sessionKey }: { openid: string; sessionKey: string }) {
  const [latest] = await wechat.userEncryptKeys(openid, sessionKey, signal)
  return { version: latest?.version ?? 0, bytes: Buffer.from(latest?.key ?? '', 'base64') }
}

describe('userKey', () => {
  test('gives the 16 bytes that the client has, and asks WeChat once for all instances', async () => {
    const wechat = instance()
    const alice = await person(wechat)
    const { version, bytes } = await latestKey(wechat, alice)
    const before = calls(KEYS)

    const first = await alice.read(version)
    const elsewhere = await instance().userKey(alice.openid, alice.sessionKey, version, signal)

    expect(bytes).toHaveLength(16)
    expect(Buffer.from(first ?? [])).toEqual(bytes)
    expect(Buffer.from(elsewhere ?? [])).toEqual(bytes)
    expect(calls(KEYS) - before).toBe(1)
  })

  test('asks once for ten calls at a time', async () => {
    const wechat = instance()
    const alice = await person(wechat)
    const { version } = await latestKey(wechat, alice)
    const before = calls(KEYS)

    const keys = await Promise.all(Array.from({ length: 10 }, () => alice.read(version)))

    expect(new Set(keys.map((key) => Buffer.from(key ?? []).toString('hex'))).size).toBe(1)
    expect(calls(KEYS) - before).toBe(1)
  })

  test('knows older versions until WeChat lets them go, and no longer', async () => {
    const wechat = instance()
    const alice = await person(wechat)
    const old = await latestKey(wechat, alice)
    await alice.read(old.version)

    setting.now += 3_599_000
    const late = await alice.read(old.version)
    setting.now += 1_000
    const gone = await alice.read(old.version)

    expect(Buffer.from(late ?? [])).toEqual(old.bytes)
    expect(gone).toBeUndefined()
  })

  test('is undefined for a version that WeChat does not list, and asks for it once in ten seconds', async () => {
    const alice = await person(instance())
    const before = calls(KEYS)

    const answers = [await alice.read(99), await alice.read(99), await alice.read(99)]
    const asked = calls(KEYS) - before
    setting.now += 10_001
    await alice.read(99)

    expect(answers).toEqual([undefined, undefined, undefined])
    expect(asked).toBe(1)
    expect(calls(KEYS) - before).toBe(2)
  })

  test('a user who invents versions makes us ask WeChat three times, and nobody else pays for it', async () => {
    const wechat = instance()
    const alice = await person(wechat)
    const bob = await person(wechat, 'bob')
    const { version } = await latestKey(wechat, bob)
    const before = calls(KEYS)

    for (let invented = 100; invented < 120; invented += 1) await alice.read(invented)
    const asked = calls(KEYS) - before
    const key = await bob.read(version)

    expect(asked).toBe(3)
    expect(key).toHaveLength(16)
  })

  test('nothing in the state store shows a key or an openid', async () => {
    const wechat = instance()
    const alice = await person(wechat)
    const { version, bytes } = await latestKey(wechat, alice)

    await alice.read(version)
    const stored = JSON.stringify([...setting.state.entries()].filter(([name]) => name.includes('wxk:')))

    expect(stored).toContain('wxk:')
    expect(stored).not.toContain(alice.openid)
    expect(stored).not.toContain(bytes.toString('base64'))
    expect(stored).not.toContain(bytes.toString('base64url'))
  })

  test('an entry of one user opens for no other', async () => {
    const wechat = instance()
    const [alice, bob] = [await person(wechat), await person(wechat, 'bob')]
    const { version, bytes } = await latestKey(wechat, alice)
    await alice.read(version)
    await bob.read(99)
    const entries = [...setting.state.entries()]
    const sealed = entries.find(([name]) => name.endsWith(`:${version}`))?.[1]
    const ofBob = entries.find(([name]) => name.endsWith(':99'))?.[0]

    await setting.state.set(`${ofBob?.slice(0, -3)}:${version}`, `${sealed}`, { ttlMs: 60_000 }, signal)
    const key = await bob.read(version)

    expect(sealed).toEqual(expect.any(String))
    expect(Buffer.from(key ?? [])).not.toEqual(bytes)
  })

  test('works without the state store, and says so in the log', async () => {
    const wechat = instance()
    const alice = await person(wechat)
    const { version, bytes } = await latestKey(wechat, alice)
    setting.state.failing = true

    const key = await alice.read(version)

    expect(Buffer.from(key ?? [])).toEqual(bytes)
    expect(setting.lines.join('')).toContain('"use":"user key"')
  })

  test('a session_key that WeChat no longer takes is the client’s to renew', async () => {
    const wechat = instance()
    const { openid, sessionKey } = await wechat.codeExchange('dev-alice.1', signal)
    await wechat.codeExchange('dev-alice.2', signal)

    const fault = await faultOf(wechat.userKey(openid, sessionKey, 1, signal))

    expect(fault.error).toBe('forbidden')
  })

  test('a WeChat that is down is an upstream failure, and is asked again afterwards', async () => {
    const wechat = instance()
    const alice = await person(wechat)
    const { version, bytes } = await latestKey(wechat, alice)
    standIn.control.fail({ endpoint: KEYS, status: 500, times: 4 })

    const fault = await faultOf(alice.read(version))
    const key = await alice.read(version)

    expect(fault.error).toBe('upstream_failed')
    expect(Buffer.from(key ?? [])).toEqual(bytes)
  })
})
